from __future__ import annotations

import pytest
import torch

from codeprimer.training.muon import MOMENTUM, STRENGTH, Muon, orthogonal


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def with_gradient(*shape: int) -> torch.Tensor:
    weight = drawn(*shape).requires_grad_()
    weight.grad = drawn(*shape)
    return weight


def test_every_direction_of_a_step_is_about_equally_strong() -> None:
    matrices_NSL = drawn(3, 16, 40) * torch.logspace(0, -2, 16)[:, None]
    before, after = torch.linalg.svdvals(matrices_NSL), torch.linalg.svdvals(orthogonal(matrices_NSL))
    assert (before.amax(1) / before.amin(1)).min() > 50
    assert after.min() > 0.6
    assert after.max() < 1.3


@pytest.mark.parametrize("shape", [(24, 24), (24, 96), (96, 24)])
def test_a_step_has_the_size_of_one_of_adamw(shape: tuple[int, int]) -> None:
    weight = with_gradient(*shape)
    before = weight.detach().clone()
    Muon([("layers.0.fc1.weight", weight)], 0.0, torch.float32).step(0.1)
    assert (weight.detach() - before).square().mean().sqrt().item() == pytest.approx(0.1 * STRENGTH, rel=0.2)


def test_a_step_follows_the_momentum_and_decays_the_weight() -> None:
    weight = with_gradient(8, 8)
    before, gradient = weight.detach().clone(), drawn(8, 8)
    Muon([("layers.0.dense.weight", weight)], 0.5, torch.float32).step(0.1)
    direction = gradient.lerp(gradient * (1 - MOMENTUM), MOMENTUM)
    expected = before * (1 - 0.1 * 0.5) - 0.1 * STRENGTH * 8**0.5 * orthogonal(direction[None])[0]
    torch.testing.assert_close(weight.detach(), expected)


def test_queries_keys_and_values_are_three_matrices() -> None:
    joined = with_gradient(24, 8)
    parts = [
        (f"layers.0.{name}.weight", part.detach().clone()) for name, part in zip("qkv", joined.chunk(3), strict=True)
    ]
    assert joined.grad is not None
    for (_, part), gradient in zip(parts, joined.grad.chunk(3), strict=True):
        part.grad = gradient.clone()
    Muon([("layers.0.qkv.weight", joined)], 0.0, torch.float32).step(0.1)
    Muon(parts, 0.0, torch.float32).step(0.1)
    torch.testing.assert_close(joined.detach(), torch.cat([part for _, part in parts]))


def test_a_loaded_state_continues_bit_by_bit() -> None:
    def one(weight: torch.Tensor) -> Muon:
        return Muon([("layers.0.fc1.weight", weight)], 0.1, torch.bfloat16)

    weight = with_gradient(8, 32)
    whole = one(weight)
    whole.step(0.1)
    copied = weight.detach().clone()
    copied.grad = weight.grad
    again = one(copied)
    again.load({name: tensor.clone() for name, tensor in whole.state().items()})
    whole.step(0.1)
    again.step(0.1)
    assert torch.equal(weight.detach(), copied)
