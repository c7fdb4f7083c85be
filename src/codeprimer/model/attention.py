"""Causal attention and rotary positions.

Reads queries, keys and values, writes nothing. Its one idea: ask PyTorch's fused kernel, except where it is slow:
short sequences in bfloat16 on a CPU, where matrix products over a few heads at a time take less than half the time.

Shapes: B rows, H heads, T positions, K dimensions of a head, R half of the rotated dimensions.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from codeprimer.model.regime import PLAIN, Regime

PLAIN_LENGTH = 256
"""Up to this length [tokens] plain products win; at 512 the fused kernel has caught up."""

_PART_SCORES = 2**20
"""Scores that exist at a time: 2 MB of bfloat16, within the cache of one core."""


def rotary_table(positions: int, rotary_size: int, theta: float) -> tuple[Tensor, Tensor]:
    """Return cosine and sine of every position and frequency, float32 [positions, rotary_size / 2]."""
    exponents_R = torch.arange(0, rotary_size, 2, dtype=torch.int64).float() / rotary_size
    angles_TR = torch.outer(torch.arange(positions).float(), 1.0 / theta**exponents_R)
    return angles_TR.cos(), angles_TR.sin()


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotate the first dimensions of each head by its position (rotary embedding, rotate-half form).

    ``x`` is [..., K]; ``cosine`` and ``sine`` broadcast to [..., R]; dimensions from 2 R on pass unchanged.
    """
    half = cosine.shape[-1]
    first, second, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine, rest), dim=-1)


def causal_attention(
    q_BHTK: Tensor, k_BHTK: Tensor, v_BHTK: Tensor, visible_B1TT: Tensor | None = None, regime: Regime = PLAIN
) -> Tensor:
    """Return softmax(q k^T / sqrt(K)) v, each position seeing itself and what came before it.

    ``visible`` may take some of that away; ``regime`` says which share of the weights is dropped.
    """
    share = regime.attention_dropout
    if share and regime.random is not None:
        return _dropped_attention(q_BHTK, k_BHTK, v_BHTK, visible_B1TT, regime)
    if share or visible_B1TT is not None:
        return functional.scaled_dot_product_attention(
            q_BHTK, k_BHTK, v_BHTK, attn_mask=visible_B1TT, dropout_p=share, is_causal=visible_B1TT is None
        )
    short = q_BHTK.shape[2] <= PLAIN_LENGTH
    if short and q_BHTK.dtype == torch.bfloat16 and q_BHTK.device.type == "cpu" and q_BHTK.requires_grad:
        parts = [part.reshape(-1, *part.shape[2:]) for part in (q_BHTK, k_BHTK, v_BHTK)]
        mixed: Tensor = _PlainAttention.apply(*parts)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return mixed.view_as(q_BHTK)
    return functional.scaled_dot_product_attention(q_BHTK, k_BHTK, v_BHTK, is_causal=True)


def _dropped_attention(
    q_BHTK: Tensor, k_BHTK: Tensor, v_BHTK: Tensor, visible_B1TT: Tensor | None, regime: Regime
) -> Tensor:
    """Return attention whose weights are dropped by the regime's own generator, which no fused kernel takes."""
    if visible_B1TT is None:
        length = q_BHTK.shape[2]
        visible_B1TT = torch.ones(length, length, dtype=torch.bool, device=q_BHTK.device).tril_()
    scores_BHTT = (q_BHTK @ k_BHTK.mT * q_BHTK.shape[-1] ** -0.5).masked_fill(~visible_B1TT, float("-inf"))
    return regime.drop(torch.softmax(scores_BHTT, -1), regime.attention_dropout) @ v_BHTK


class _PlainAttention(torch.autograd.Function):
    """Attention of N heads at once, [N, T, K], by matrix products over a few heads at a time."""

    @staticmethod
    def forward(ctx: Any, q_NTK: Tensor, k_NTK: Tensor, v_NTK: Tensor) -> Tensor:
        heads, length, size = q_NTK.shape
        hidden_TT = torch.full((length, length), float("-inf"), dtype=q_NTK.dtype).triu_(1)
        weights_NTT = q_NTK.new_empty(heads, length, length)
        mixed_NTK = torch.empty_like(q_NTK)
        for part in _parts(heads, length):
            scores = torch.baddbmm(hidden_TT, q_NTK[part], k_NTK[part].transpose(1, 2), alpha=size**-0.5)
            torch.softmax(scores, -1, out=weights_NTT[part])
            torch.bmm(weights_NTT[part], v_NTK[part], out=mixed_NTK[part])
        ctx.save_for_backward(q_NTK, k_NTK, v_NTK, weights_NTT)
        return mixed_NTK

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q_NTK, k_NTK, v_NTK, weights_NTT = ctx.saved_tensors
        grad_NTK = upstream[0].contiguous()
        heads, length, size = q_NTK.shape
        q_grad_NTK, k_grad_NTK, v_grad_NTK = (torch.empty_like(q_NTK) for _ in range(3))
        for part in _parts(heads, length):
            weights, grad = weights_NTT[part], grad_NTK[part]
            torch.bmm(weights.transpose(1, 2), grad, out=v_grad_NTK[part])
            weights_grad = torch.bmm(grad, v_NTK[part].transpose(1, 2))
            scores_grad = torch._softmax_backward_data(weights_grad, weights, -1, weights.dtype).mul_(size**-0.5)
            torch.bmm(scores_grad, k_NTK[part], out=q_grad_NTK[part])
            torch.bmm(scores_grad.transpose(1, 2), q_NTK[part], out=k_grad_NTK[part])
        return q_grad_NTK, k_grad_NTK, v_grad_NTK


def _parts(heads: int, length: int) -> list[slice]:
    """Return slices of heads whose scores stay within the cache."""
    step = max(1, _PART_SCORES // length**2)
    return [slice(start, start + step) for start in range(0, heads, step)]
