"""Causal attention and rotary positions.

Reads queries, keys and values, writes nothing. Its one idea: ask PyTorch's fused kernel, except where it is slow:
bfloat16 on a CPU, whose backward pass takes twice as long there as plain matrix products.

Shapes: B rows, H heads, T positions, K dimensions of a head, R half of the rotated dimensions.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


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


def causal_attention(q_BHTK: Tensor, k_BHTK: Tensor, v_BHTK: Tensor) -> Tensor:
    """Return softmax(q k^T / sqrt(K)) v, each position seeing itself and what came before it."""
    if q_BHTK.dtype == torch.bfloat16 and q_BHTK.device.type == "cpu" and torch.is_grad_enabled():
        return _plain_attention(q_BHTK, k_BHTK, v_BHTK)
    return functional.scaled_dot_product_attention(q_BHTK, k_BHTK, v_BHTK, is_causal=True)


def _plain_attention(q_BHTK: Tensor, k_BHTK: Tensor, v_BHTK: Tensor) -> Tensor:
    length, head_size = q_BHTK.shape[-2:]
    hidden_TT = torch.full((length, length), float("-inf"), dtype=q_BHTK.dtype).triu(1)
    scores_BHTT = torch.matmul(q_BHTK * head_size**-0.5, k_BHTK.transpose(-1, -2)) + hidden_TT
    return torch.matmul(scores_BHTT.softmax(-1), v_BHTK)
