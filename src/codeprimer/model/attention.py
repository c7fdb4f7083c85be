"""Causal attention and rotary positions.

Reads queries, keys and values, writes nothing. Its one idea: ask PyTorch's fused kernel, except where it is slow: when
training in bfloat16 on a CPU, matrix products over a few heads and queries at a time take about two thirds of its time.

Shapes: B rows, H heads, T positions, K dimensions of a head, R half of the rotated dimensions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from codeprimer.model.regime import PLAIN, Regime

PLAIN_LENGTH = 1024
"""Up to this length [tokens] plain products win."""

KEPT_LENGTH = 256
"""Up to this length [tokens] the weights of the forward pass are kept; beyond it, they are computed again."""

_BLOCK = 256
"""Queries that are looked at together; they see no key beyond the last of them."""

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


def kept_weights(length: int) -> int:
    """Return how many weights per token and head plain attention keeps for its way back."""
    if length > KEPT_LENGTH:
        return 0
    ends = [min(start + _BLOCK, length) for start in range(0, length, _BLOCK)]
    return sum((end - start) * end for start, end in zip(range(0, length, _BLOCK), ends, strict=True)) // length


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
    """Attention of N heads at once, [N, T, K], by matrix products over a few heads and queries at a time."""

    @staticmethod
    def forward(ctx: Any, q_NTK: Tensor, k_NTK: Tensor, v_NTK: Tensor) -> Tensor:
        scaled_NTK = q_NTK * q_NTK.shape[-1] ** -0.5
        mixed_NTK = torch.empty_like(q_NTK)
        kept: list[Tensor] = []
        for heads, queries, keys in _parts(*q_NTK.shape[:2]):
            weights = _weights(scaled_NTK[heads, queries], k_NTK[heads, keys])
            _multiply(weights, v_NTK[heads, keys], mixed_NTK[heads, queries])
            if q_NTK.shape[1] <= KEPT_LENGTH:
                kept.append(weights)
        ctx.save_for_backward(scaled_NTK, k_NTK, v_NTK, *kept)
        return mixed_NTK

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        scaled_NTK, k_NTK, v_NTK, *kept = ctx.saved_tensors
        grad_NTK = upstream[0].contiguous()
        q_grad_NTK = torch.empty_like(scaled_NTK)
        k_grad_NTK, v_grad_NTK = _key_gradients(k_NTK)
        add = _multiply if k_NTK.shape[1] <= _BLOCK else _add_product
        for number, (heads, queries, keys) in enumerate(_parts(*scaled_NTK.shape[:2])):
            q, k, v, grad = scaled_NTK[heads, queries], k_NTK[heads, keys], v_NTK[heads, keys], grad_NTK[heads, queries]
            weights = kept[number] if kept else _weights(q, k)
            add(weights.mT, grad, v_grad_NTK[heads, keys])
            scores_grad = torch._softmax_backward_data(torch.bmm(grad, v.mT), weights, -1, weights.dtype)
            _multiply(scores_grad, k, q_grad_NTK[heads, queries])
            add(scores_grad.mT, q, k_grad_NTK[heads, keys])
        q_grad_NTK.mul_(scaled_NTK.shape[-1] ** -0.5)
        return q_grad_NTK, k_grad_NTK.to(k_NTK.dtype), v_grad_NTK.to(v_NTK.dtype)


def _key_gradients(k_NTK: Tensor) -> tuple[Tensor, Tensor]:
    """Return room for the gradients of keys and values.

    Where several blocks of queries see them, each is a sum, made in float32; else what is there will be written over.
    """
    if k_NTK.shape[1] <= _BLOCK:
        return torch.empty_like(k_NTK), torch.empty_like(k_NTK)
    exact = torch.promote_types(k_NTK.dtype, torch.float32)
    return torch.zeros(k_NTK.shape, dtype=exact), torch.zeros(k_NTK.shape, dtype=exact)


def _multiply(first: Tensor, second: Tensor, out: Tensor) -> None:
    if out.is_contiguous():
        torch.bmm(first, second, out=out)
    else:
        out.copy_(torch.bmm(first, second))


def _add_product(first: Tensor, second: Tensor, out: Tensor) -> None:
    out.add_(torch.bmm(first, second))


def _weights(q_HQK: Tensor, k_HSK: Tensor) -> Tensor:
    """Return how much each query takes from each key [H, Q, S]; the last query stands beside the last key."""
    scores_HQS = torch.bmm(q_HQK, k_HSK.mT)
    queries = q_HQK.shape[1]
    hidden_QQ = torch.full((queries, queries), float("-inf"), dtype=q_HQK.dtype).triu_(1)
    scores_HQS[:, :, -queries:].add_(hidden_QQ)
    return torch.softmax(scores_HQS, -1)


def _parts(heads: int, length: int) -> Iterator[tuple[slice, slice, slice]]:
    """Yield heads, queries and the keys that these see, so few that their scores stay within the cache."""
    for start in range(0, length, _BLOCK):
        end = min(start + _BLOCK, length)
        step = max(1, _PART_SCORES // ((end - start) * end))
        for first in range(0, heads, step):
            yield slice(first, first + step), slice(start, end), slice(0, end)
