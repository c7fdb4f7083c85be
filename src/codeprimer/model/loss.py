"""Chunked cross-entropy that computes its gradient in the forward pass.

Reads hidden states; writes nothing. Key idea: the logits of a batch are by far its largest tensor, so only a chunk of its rows
exists at a time, large enough for fast matrix products; elementwise work is done on fewer rows, which fit in the cache; and the
gradient overwrites the logits at once, so nothing is recomputed or kept for the backward pass.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

CHUNK_BYTES = 2**25
"""Size of a chunk of logits [bytes]."""

CACHED_LOGITS = 2**19
"""Number of logits that are turned into gradients at a time: 4 MB of float32 with temporaries, which fit a CPU's caches."""


_LEAST = torch.finfo(torch.float32).tiny


def cross_entropy(
    hidden_ND: Tensor, weight_VD: Tensor, bias_V: Tensor, targets_N: Tensor, loss_weights_N: Tensor | None = None
) -> Tensor:
    """Return the weighted sum of the cross-entropy of ``hidden @ weight.T + bias`` over the targets [nats].

    Without loss weights, it is the mean [nats/token]. The loss weights of all micro-batches of a batch sum to one. Gradients
    flow to ``hidden``, ``weight`` and ``bias``; sums are in float32 for inputs of any dtype.
    """
    rows = hidden_ND.shape[0]
    if loss_weights_N is None:
        loss_weights_N = torch.full((rows,), 1.0 / rows, device=hidden_ND.device)
    loss_weights_N1 = loss_weights_N.float()[:, None]
    loss: Tensor = _ChunkedCrossEntropy.apply(hidden_ND, weight_VD, bias_V, targets_N, loss_weights_N1)  # type: ignore[no-untyped-call]  # torch does not type apply
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
    """Return the number of rows in a chunk of logits, and the number of rows that are turned into gradients at a time."""
    chunk = max(1, CHUNK_BYTES // (weight_VD.element_size() * len(weight_VD)))
    return chunk, chunk if weight_VD.is_cuda else max(1, CACHED_LOGITS // len(weight_VD))


class _ChunkedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden_ND: Tensor, weight_VD: Tensor, bias_V: Tensor, targets_N: Tensor, loss_weights_N1: Tensor
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
            hidden_CD, targets_C1, loss_weights_C1 = hidden_ND[part], targets_N[part, None], loss_weights_N1[part]
            logits_CV = torch.mm(hidden_CD, weight_VD.t())
            for first in range(0, len(logits_CV), few):
                fine = slice(first, first + few)
                targets_F1, loss_weights_F1 = targets_C1[fine], loss_weights_C1[fine]
                grad_FV = torch.softmax(logits_CV[fine] + exact_bias_V, 1)
                # Probabilities that underflow float32 are replaced with its smallest normal number, which costs 87 nats.
                total -= (loss_weights_F1 * grad_FV.gather(1, targets_F1).clamp_min(_LEAST).log()).sum()
                # d(loss)/d(logits) = (softmax - one-hot) * loss weight
                grad_FV.scatter_add_(1, targets_F1, grad_FV.new_full((), -1.0).expand_as(targets_F1))
                grad_FV.mul_(loss_weights_F1)
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
