"""Cross-entropy in chunks, with its gradient made while the loss is computed.

Reads hidden states, writes nothing. Its one idea: the logits of a batch are by far its largest tensor, so they exist
for some rows at a time, as many as make good matrix products; what is done to each number is done to a few rows at a time,
while they are in the cache; and the share of every gradient is computed at once, in the place of the logits, so that nothing
has to be computed again or kept for the backward pass.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

CHUNK_BYTES = 2**25
"""So large are the logits that exist at a time."""

CACHED_LOGITS = 2**19
"""So many are turned into gradients at a time: with what is made of them 4 MB of float32, in the caches of a CPU's cores."""


_LEAST = torch.finfo(torch.float32).tiny


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
    chunk, _ = _rows(weight_VD)
    losses = [
        functional.cross_entropy(functional.linear(hidden, weight_VD, bias_V).float(), targets, reduction="none")
        for hidden, targets in zip(torch.split(hidden_ND, chunk), torch.split(targets_N, chunk), strict=True)
    ]
    return torch.cat(losses)


def _rows(weight_VD: Tensor) -> tuple[int, int]:
    """Return how many rows' logits exist at a time, and how many of them are turned into gradients at a time."""
    chunk = max(1, CHUNK_BYTES // (weight_VD.element_size() * len(weight_VD)))
    return chunk, chunk if weight_VD.is_cuda else max(1, CACHED_LOGITS // len(weight_VD))


class _ChunkedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden_ND: Tensor, weight_VD: Tensor, bias_V: Tensor, targets_N: Tensor, shares_N1: Tensor
    ) -> Tensor:
        rows = hidden_ND.shape[0]
        total = hidden_ND.new_zeros((), dtype=torch.float32)
        hidden_grad_ND = torch.empty_like(hidden_ND)
        is_frozen = not ctx.needs_input_grad[1]
        weight_grad_VD = torch.zeros_like(weight_VD[:0] if is_frozen else weight_VD, dtype=torch.float32)
        bias_grad_V = torch.zeros_like(bias_V, dtype=torch.float32)
        chunk, few = _rows(weight_VD)
        exact_bias_V = bias_V.to(weight_grad_VD.dtype)
        for start in range(0, rows, chunk):
            part = slice(start, min(start + chunk, rows))
            hidden_CD, targets_C1, shares_C1 = hidden_ND[part], targets_N[part, None], shares_N1[part]
            logits_CV = torch.mm(hidden_CD, weight_VD.t())
            for first in range(0, len(logits_CV), few):
                fine = slice(first, first + few)
                targets_F1, shares_F1 = targets_C1[fine], shares_C1[fine]
                grad_FV = torch.softmax(logits_CV[fine] + exact_bias_V, 1)
                # Of a probability that float32 does not have, the least that it has is counted: 87 nats.
                total -= (shares_F1 * grad_FV.gather(1, targets_F1).clamp_min(_LEAST).log()).sum()
                # d(loss)/d(logits) = (softmax - one-hot) * share
                grad_FV.scatter_add_(1, targets_F1, grad_FV.new_full((), -1.0).expand_as(targets_F1))
                grad_FV.mul_(shares_F1)
                bias_grad_V += grad_FV.sum(0)
                logits_CV[fine] = grad_FV
            torch.mm(logits_CV, weight_VD, out=hidden_grad_ND[part])
            if not is_frozen:
                weight_grad_VD += torch.mm(logits_CV.t(), hidden_CD)
        ctx.save_for_backward(hidden_grad_ND, weight_grad_VD.to(weight_VD.dtype), bias_grad_V.to(bias_V.dtype))
        return total

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None, None, None]:
        (scale,) = upstream
        hidden_grad_ND, weight_grad_VD, bias_grad_V = ctx.saved_tensors
        _, is_weight, is_bias, *_ = ctx.needs_input_grad
        return (
            hidden_grad_ND * scale,
            weight_grad_VD * scale if is_weight else None,
            bias_grad_V * scale if is_bias else None,
            None,
            None,
        )
