from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from codeprimer.model.attention import _PlainAttention


@pytest.mark.parametrize("kept", [0, 20])
@pytest.mark.parametrize("block", [1, 7, 20, 64])
def test_attention_by_products_equals_the_fused_kernel_with_its_gradients(
    block: int, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codeprimer.model.attention._PART_BYTES", 2 * 20 * 20 * 8)
    monkeypatch.setattr("codeprimer.model.attention._BLOCK_BYTES", block * 8)
    monkeypatch.setattr("codeprimer.model.attention.KEPT_BYTES", kept * 8)
    generator = torch.Generator().manual_seed(0)
    q_NTK, k_NTK, v_NTK = parts = [
        torch.randn((5, 20, 8), generator=generator, dtype=torch.float64, requires_grad=True) for _ in range(3)
    ]
    upstream_NTK = torch.randn((5, 20, 8), generator=generator, dtype=torch.float64)
    ours = _PlainAttention.apply(*parts)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    fused = functional.scaled_dot_product_attention(q_NTK, k_NTK, v_NTK, is_causal=True)
    torch.testing.assert_close(ours, fused)
    for mine, theirs in zip(
        torch.autograd.grad(ours, parts, upstream_NTK), torch.autograd.grad(fused, parts, upstream_NTK), strict=True
    ):
        torch.testing.assert_close(mine, theirs)
