from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from codeprimer.model import loss


@pytest.mark.parametrize("few", [1, 3, 8, 100])
@pytest.mark.parametrize("rows", [1, 5, 8, 21])
def test_loss_and_gradients_equal_the_plain_ones_whatever_the_chunks(
    rows: int, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss, "CHUNK_BYTES", 4 * 8 * 11)
    monkeypatch.setattr(loss, "CACHED_LOGITS", few * 11)
    generator = torch.Generator().manual_seed(rows)
    shapes = ((rows, 6), (11, 6), (11,))
    hidden_ND, weight_VD, bias_V = inputs = [
        torch.randn(shape, generator=generator, requires_grad=True) for shape in shapes
    ]
    targets_N = torch.randint(0, 11, (rows,), generator=generator)
    ours = loss.cross_entropy(hidden_ND, weight_VD, bias_V, targets_N) * 3.0
    plain = functional.cross_entropy(functional.linear(hidden_ND, weight_VD, bias_V), targets_N) * 3.0
    assert ours.item() == pytest.approx(plain.item(), rel=1e-6)
    for mine, theirs in zip(torch.autograd.grad(ours, inputs), torch.autograd.grad(plain, inputs), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-7)


def test_targets_count_by_their_shares() -> None:
    generator = torch.Generator().manual_seed(1)
    hidden_ND, weight_VD, bias_V = inputs = [
        torch.randn(shape, generator=generator, requires_grad=True) for shape in ((9, 6), (11, 6), (11,))
    ]
    targets_N = torch.randint(0, 11, (9,), generator=generator)
    shares_N = torch.tensor([1.0, 0.0, 0.1] * 3)
    ours = loss.cross_entropy(hidden_ND, weight_VD, bias_V, targets_N, shares_N)
    losses_N = functional.cross_entropy(functional.linear(hidden_ND, weight_VD, bias_V), targets_N, reduction="none")
    plain = (losses_N * shares_N).sum()
    assert ours.item() == pytest.approx(plain.item(), rel=1e-6)
    for mine, theirs in zip(torch.autograd.grad(ours, inputs), torch.autograd.grad(plain, inputs), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-7)
