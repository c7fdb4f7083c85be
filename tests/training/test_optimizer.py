from __future__ import annotations

import copy
import subprocess
import sys

import pytest
import torch

from codeprimer.model.config import PhiConfig
from codeprimer.model.phi import Phi
from codeprimer.training.optimizer import Optimizer
from codeprimer.training.settings import Phase

PHASE = Phase(name="one", mixture={"code": 1.0}, tokens=1, weight_decay=0.5, clip=0.1)
IDS = torch.randint(0, 64, (2, 17), generator=torch.Generator().manual_seed(0))


def small() -> Phi:
    return Phi(PhiConfig(64, 16, 1, 2, 32, 16)).initialise(1)


def backward(optimizer: Optimizer) -> None:
    optimizer.working.loss(IDS[:, :-1], IDS[:, 1:]).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    optimizer.collect()


def take_step(optimizer: Optimizer, rate: float) -> float:
    """Take a step and return the norm of the gradients."""
    backward(optimizer)
    norm = optimizer.norm()
    optimizer.step(rate, norm)
    return float(norm)


def test_a_step_is_adamw_with_clipping_and_decay_of_matrices_alone() -> None:
    ours, plain = Optimizer(small(), PHASE, torch.float32), small()
    matrices = [weight for weight in plain.parameters() if weight.dim() >= 2]
    vectors = [weight for weight in plain.parameters() if weight.dim() < 2]
    adamw = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.5}, {"params": vectors, "weight_decay": 0.0}], betas=PHASE.betas
    )
    for rate in (1e-2, 5e-3):
        norm = take_step(ours, rate)
        plain.loss(IDS[:, :-1], IDS[:, 1:]).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        assert norm == pytest.approx(torch.nn.utils.clip_grad_norm_(plain.parameters(), 0.1).item())
        assert norm > 0.1
        for group in adamw.param_groups:
            group["lr"] = rate
        adamw.step()
        adamw.zero_grad()
    for mine, theirs in zip(ours.model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)  # keys' biases have no gradient but rounding


def test_in_bfloat16_small_steps_are_not_lost() -> None:
    optimizer = Optimizer(small(), PHASE, torch.bfloat16)
    before = copy.deepcopy(optimizer.model.state_dict())
    for _ in range(3):
        take_step(optimizer, 1e-6)
    weight = optimizer.model.lm_head.weight
    assert weight.dtype == torch.float32
    assert not torch.equal(weight, before["lm_head.weight"])
    assert torch.equal(optimizer.working.lm_head.weight, weight.to(torch.bfloat16))


def test_muon_moves_the_matrices_inside_the_layers_and_adamw_the_rest() -> None:
    muon, plain = (
        Optimizer(small(), PHASE.model_copy(update={"optimizer": kind}), torch.float32) for kind in ("muon", "adamw")
    )
    for optimizer in (muon, plain):
        take_step(optimizer, 1e-2)
    theirs = dict(plain.model.named_parameters())
    differ = {name for name, weight in muon.model.named_parameters() if not torch.equal(weight, theirs[name])}
    assert differ == {f"layers.0.{name}.weight" for name in ("qkv", "dense", "fc1", "fc2")}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_a_loaded_state_continues_bit_by_bit(dtype: torch.dtype, kind: str) -> None:
    phase = PHASE.model_copy(update={"optimizer": kind})
    whole = Optimizer(small(), phase, dtype)
    for _ in range(2):
        take_step(whole, 1e-2)
    state = {name: tensor.clone() for name, tensor in whole.state().items()}
    again = Optimizer(copy.deepcopy(whole.model), phase, dtype)
    again.load(state)
    for optimizer in (whole, again):
        for _ in range(2):
            take_step(optimizer, 1e-2)
    for mine, theirs in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_training_and_loading_do_not_import_the_compiler_of_torch() -> None:
    program = """
import sys
import torch
from tests.training.test_optimizer import PHASE, small, take_step
from codeprimer.model.checkpoint import assemble, weights
from codeprimer.model.lora import AdaptedPhi, LoraConfig, merge
from codeprimer.training.device import reproducible
from codeprimer.training.optimizer import Optimizer
with reproducible(1):
    optimizer = Optimizer(small(), PHASE, torch.float32)
    take_step(optimizer, 1e-3)
    model = optimizer.model
    loaded = assemble(model.config, dict(weights(model)))
    merged = merge(AdaptedPhi(loaded, LoraConfig(2, 2.0)))
    for one in (loaded, merged):
        assert torch.equal(model(torch.tensor([[1, 2]])), one(torch.tensor([[1, 2]])))
assert 'torch._dynamo' not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
