"""Causal attention and rotary positions.

Reads queries, keys and values; writes nothing. Key idea: use PyTorch's fused kernel unless it is slow: in training on a CPU,
matrix products over a few heads and queries at a time take two thirds to nine tenths of its time.

Shapes: B rows, H heads, T positions, K dimensions of a head, R half of the rotated dimensions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from codeprimer.model.forward import PLAIN, ForwardOptions

PLAIN_LENGTH = 1024
"""Plain matrix products are faster up to this length [tokens]."""

KEPT_BYTES = 1024
"""If a query's attention weights are at most this large (512 keys in bfloat16), the forward pass keeps them; otherwise, the
backward pass recomputes them [bytes]."""

_BLOCK_BYTES = 512
"""Size of one column in a block of scores: 256 queries in bfloat16 [bytes]; keys after a block's last query are skipped."""

_PART_BYTES = 2**21
"""Size of the scores that exist at a time, chosen to fit in one core's cache [bytes]."""


def rotary_table(positions: int, rotary_size: int, theta: float) -> tuple[Tensor, Tensor]:
    """Return the cosine and sine for every position and frequency, float32 [positions, rotary_size / 2]."""
    exponents_R = torch.arange(0, rotary_size, 2, dtype=torch.int64).float() / rotary_size
    angles_TR = torch.outer(torch.arange(positions).float(), 1.0 / theta**exponents_R)
    return angles_TR.cos(), angles_TR.sin()


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotate the first dimensions of each head by its position (rotary embedding, rotate-half form).

    ``x`` is [..., K]; ``cosine`` and ``sine`` broadcast to [..., R]; dimensions from 2 R on are unchanged.
    """
    half = cosine.shape[-1]
    first, second, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine, rest), dim=-1)


def split_heads(qkv_BTNHK: Tensor, cosine: Tensor, sine: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return rotated queries, rotated keys, and values, each [B, H, T, K], from the fused projection's output [B, T, 3, H, K].

    ``cosine`` and ``sine`` broadcast to [B, T, 2, H, R].
    """
    if qkv_BTNHK.requires_grad and qkv_BTNHK.device.type == "cpu":
        return _SplitHeads.apply(qkv_BTNHK, cosine, sine)  # type: ignore[no-untyped-call,no-any-return]  # torch leaves it untyped
    q_BHTK, k_BHTK = rotate(qkv_BTNHK[:, :, :2], cosine, sine).permute(2, 0, 3, 1, 4)
    return q_BHTK, k_BHTK, qkv_BTNHK[:, :, 2].transpose(1, 2)


def causal_attention(
    q_BHTK: Tensor, k_BHTK: Tensor, v_BHTK: Tensor, visible_B1TT: Tensor | None = None, options: ForwardOptions = PLAIN
) -> Tensor:
    """Return softmax(q k^T / sqrt(K)) v under a causal mask, restricted by ``visible``, with the dropout of ``options``."""
    rate = options.attention_dropout
    if rate and options.random is not None:
        return _dropped_attention(q_BHTK, k_BHTK, v_BHTK, visible_B1TT, options)
    if rate or visible_B1TT is not None:
        return functional.scaled_dot_product_attention(
            q_BHTK, k_BHTK, v_BHTK, attn_mask=visible_B1TT, dropout_p=rate, is_causal=visible_B1TT is None
        )
    is_exact_enough = q_BHTK.dtype in (torch.float32, torch.bfloat16)  # scores may overflow float16
    if is_exact_enough and q_BHTK.shape[2] <= PLAIN_LENGTH and q_BHTK.device.type == "cpu" and q_BHTK.requires_grad:
        parts = [part.reshape(-1, *part.shape[2:]) for part in (q_BHTK, k_BHTK, v_BHTK)]
        mixed: Tensor = _PlainAttention.apply(*parts)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return mixed.view_as(q_BHTK)
    return functional.scaled_dot_product_attention(q_BHTK, k_BHTK, v_BHTK, is_causal=True)


def kept_weights(length: int, number: int) -> int:
    """Return how many weights of ``number`` bytes plain attention keeps per token and head for the backward pass."""
    if not _are_kept(length, number):
        return 0
    return sum((end - start) * end for start, end in _blocks(length, number)) // length


def _dropped_attention(
    q_BHTK: Tensor, k_BHTK: Tensor, v_BHTK: Tensor, visible_B1TT: Tensor | None, options: ForwardOptions
) -> Tensor:
    """Return attention with dropout that uses the generator in ``options``; fused kernels do not accept a generator."""
    if visible_B1TT is None:
        length = q_BHTK.shape[2]
        visible_B1TT = torch.ones(length, length, dtype=torch.bool, device=q_BHTK.device).tril_()
    scores_BHTT = (q_BHTK @ k_BHTK.mT * q_BHTK.shape[-1] ** -0.5).masked_fill(~visible_B1TT, float("-inf"))
    return options.drop(torch.softmax(scores_BHTT, -1), options.attention_dropout) @ v_BHTK


class _SplitHeads(torch.autograd.Function):
    """Split queries, keys and values; the backward pass writes their gradients into one tensor instead of adding three."""

    @staticmethod
    def forward(ctx: Any, qkv_BTNHK: Tensor, cosine: Tensor, sine: Tensor) -> tuple[Tensor, ...]:
        ctx.save_for_backward(cosine, sine)
        q_BHTK, k_BHTK = rotate(qkv_BTNHK[:, :, :2], cosine, sine).permute(2, 0, 3, 1, 4)
        return q_BHTK.contiguous(), k_BHTK.contiguous(), qkv_BTNHK[:, :, 2].transpose(1, 2).contiguous()

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None, None]:
        cosine, sine = (table.squeeze(-3) for table in ctx.saved_tensors)  # one table for queries and keys
        q_BTHK, k_BTHK, v_BTHK = (grad_BHTK.transpose(1, 2) for grad_BHTK in upstream)
        grad_BTNHK = q_BTHK.new_empty((*q_BTHK.shape[:2], 3, *q_BTHK.shape[2:]))
        # Rotating back means rotating by the negative angle.
        grad_BTNHK[:, :, 0] = rotate(q_BTHK, cosine, -sine)
        grad_BTNHK[:, :, 1] = rotate(k_BTHK, cosine, -sine)
        grad_BTNHK[:, :, 2] = v_BTHK
        return grad_BTNHK, None, None


class _PlainAttention(torch.autograd.Function):
    """Attention of N heads, [N, T, K], computed with matrix products over a few heads and queries at a time."""

    @staticmethod
    def forward(ctx: Any, q_NTK: Tensor, k_NTK: Tensor, v_NTK: Tensor) -> Tensor:
        scaled_NTK = q_NTK * q_NTK.shape[-1] ** -0.5
        mixed_NTK = torch.empty_like(q_NTK)
        kept: list[Tensor] = []
        is_kept = _are_kept(q_NTK.shape[1], q_NTK.element_size())
        for heads, queries, keys in _parts(q_NTK):
            weights = _weights(scaled_NTK[heads, queries], k_NTK[heads, keys])
            _multiply(weights, v_NTK[heads, keys], mixed_NTK[heads, queries])
            if is_kept:
                kept.append(weights)
        ctx.save_for_backward(scaled_NTK, k_NTK, v_NTK, *kept)
        return mixed_NTK

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        scaled_NTK, k_NTK, v_NTK, *kept = ctx.saved_tensors
        grad_NTK = upstream[0].contiguous()
        q_grad_NTK = torch.empty_like(scaled_NTK)
        k_grad_NTK, v_grad_NTK = _key_gradients(k_NTK)
        add = _multiply if _is_one_block(k_NTK) else _add_product
        for number, (heads, queries, keys) in enumerate(_parts(scaled_NTK)):
            q, k, v, grad = scaled_NTK[heads, queries], k_NTK[heads, keys], v_NTK[heads, keys], grad_NTK[heads, queries]
            weights = kept[number] if kept else _weights(q, k)
            add(weights.mT, grad, v_grad_NTK[heads, keys])
            scores_grad = torch._softmax_backward_data(torch.bmm(grad, v.mT), weights, -1, weights.dtype)
            _multiply(scores_grad, k, q_grad_NTK[heads, queries])
            add(scores_grad.mT, q, k_grad_NTK[heads, keys])
        q_grad_NTK.mul_(scaled_NTK.shape[-1] ** -0.5)
        return q_grad_NTK, k_grad_NTK.to(k_NTK.dtype), v_grad_NTK.to(v_NTK.dtype)


def _key_gradients(k_NTK: Tensor) -> tuple[Tensor, Tensor]:
    """Return tensors for the gradients with respect to keys and values.

    With several blocks of queries, they are sums in float32; with one block, they are overwritten.
    """
    if _is_one_block(k_NTK):
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
    """Return the attention weights [H, Q, S]; the last query is at the position of the last key."""
    scores_HQS = torch.bmm(q_HQK, k_HSK.mT)
    queries = q_HQK.shape[1]
    hidden_QQ = torch.full((queries, queries), float("-inf"), dtype=q_HQK.dtype).triu_(1)
    scores_HQS[:, :, -queries:].add_(hidden_QQ)
    return torch.softmax(scores_HQS, -1)


def _are_kept(length: int, number: int) -> bool:
    return length * number <= KEPT_BYTES


def _is_one_block(x_NTK: Tensor) -> bool:
    return len(_blocks(x_NTK.shape[1], x_NTK.element_size())) == 1


def _blocks(length: int, number: int) -> list[tuple[int, int]]:
    """Return the start and end of each block of queries; ``number`` is the size of an element [bytes]."""
    block = max(1, _BLOCK_BYTES // number)
    return [(start, min(start + block, length)) for start in range(0, length, block)]


def _parts(q_NTK: Tensor) -> Iterator[tuple[slice, slice, slice]]:
    """Yield slices of heads, queries and visible keys whose scores fit in the cache."""
    heads, length, _ = q_NTK.shape
    for start, end in _blocks(length, q_NTK.element_size()):
        step = max(1, _PART_BYTES // (q_NTK.element_size() * (end - start) * end))
        for first in range(0, heads, step):
            yield slice(first, first + step), slice(start, end), slice(0, end)
