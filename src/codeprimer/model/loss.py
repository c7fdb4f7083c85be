"""Cross-entropy in chunks, with its gradient made while the loss is computed.

Reads hidden states, writes nothing. Its one idea: the logits of a batch are by far its largest tensor, so they exist
for a few hundred rows at a time; while a chunk is in the cache its share of every gradient is computed too, and
nothing has to be computed again or kept for the backward pass.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

CHUNK_ROWS = 1024
"""Rows whose logits exist at a time: 4 MB of float32 for a vocabulary of 1024, within the cache of one core."""


def cross_entropy(
    hidden_ND: Tensor, weight_VD: Tensor, bias_V: Tensor, targets_N: Tensor, shares_N: Tensor | None = None
) -> Tensor:
    """Return the cross-entropy of ``hidden @ weight.T + bias`` against the targets [nats], each times its share.

    Without shares, it is the mean [nats/token]; shares of a batch in parts sum to one over all its parts. Gradients flow
    to ``hidden``, ``weight`` and ``bias``; sums are made in float32 whatever the inputs are.
    """
    rows = hidden_ND.shape[0]
    if shares_N is None:
        shares_N = torch.full((rows,), 1.0 / rows, device=hidden_ND.device)
    shares_N1 = shares_N.float()[:, None]
    loss: Tensor = _ChunkedCrossEntropy.apply(hidden_ND, weight_VD, bias_V, targets_N, shares_N1)  # type: ignore[no-untyped-call]  # torch does not type apply
    return loss


@torch.no_grad()
def token_losses(hidden_ND: Tensor, weight_VD: Tensor, bias_V: Tensor, targets_N: Tensor) -> Tensor:
    """Return the cross-entropy of every row [nats], float32; no gradients."""
    losses = [
        functional.cross_entropy(functional.linear(hidden, weight_VD, bias_V).float(), targets, reduction="none")
        for hidden, targets in zip(torch.split(hidden_ND, CHUNK_ROWS), torch.split(targets_N, CHUNK_ROWS), strict=True)
    ]
    return torch.cat(losses)


class _ChunkedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden_ND: Tensor, weight_VD: Tensor, bias_V: Tensor, targets_N: Tensor, shares_N1: Tensor
    ) -> Tensor:
        rows = hidden_ND.shape[0]
        total = hidden_ND.new_zeros((), dtype=torch.float32)
        hidden_grad_ND = torch.empty_like(hidden_ND)
        weight_grad_VD = torch.zeros_like(weight_VD, dtype=torch.float32)
        bias_grad_V = torch.zeros_like(bias_V, dtype=torch.float32)
        for start in range(0, rows, CHUNK_ROWS):
            part = slice(start, start + CHUNK_ROWS)
            hidden_CD, targets_C1, shares_C1 = hidden_ND[part], targets_N[part, None], shares_N1[part]
            logits_CV = functional.linear(hidden_CD, weight_VD, bias_V).float()
            log_norm_C1 = logits_CV.logsumexp(1, keepdim=True)
            total += (shares_C1 * (log_norm_C1 - logits_CV.gather(1, targets_C1))).sum()
            # d(mean loss)/d(logits) = (softmax - one-hot) * share
            grad_CV = logits_CV.sub_(log_norm_C1).exp_()
            grad_CV.scatter_add_(1, targets_C1, grad_CV.new_full((), -1.0).expand_as(targets_C1))
            grad_CV.mul_(shares_C1)
            bias_grad_V += grad_CV.sum(0)
            grad_CV = grad_CV.to(hidden_ND.dtype)
            torch.mm(grad_CV, weight_VD, out=hidden_grad_ND[part])
            weight_grad_VD += torch.mm(grad_CV.t(), hidden_CD)
        ctx.save_for_backward(hidden_grad_ND, weight_grad_VD.to(weight_VD.dtype), bias_grad_V.to(bias_V.dtype))
        return total

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        (scale,) = upstream
        hidden_grad_ND, weight_grad_VD, bias_grad_V = ctx.saved_tensors
        return hidden_grad_ND * scale, weight_grad_VD * scale, bias_grad_V * scale, None, None
