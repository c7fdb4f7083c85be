from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.training.training_inputs import MODEL, SETTINGS, build
from torch.utils.flop_counter import FlopCounterMode

from codeprimer.core.artifact import Artifact, Store
from codeprimer.model.arithmetic import flop_per_token
from codeprimer.model.config import PRESETS, PhiConfig
from codeprimer.model.forward import ForwardOptions
from codeprimer.model.phi import Phi
from codeprimer.training import needs
from codeprimer.training.muon import Muon
from codeprimer.training.settings import ModelSettings, Phase, TrainingSettings

SHAPE = ModelSettings(layers=3, hidden=64, heads=2, intermediate=160, context=128)
PHASE = Phase(name="phase", mixture={"code": 1.0}, tokens=8 * 128, batch_sequences=8)
PLAIN = TrainingSettings(model=SHAPE, phases=(PHASE,), precision="float32", threads=1)


@pytest.mark.parametrize("name", PRESETS)
def test_a_shape_has_as_many_parameters_as_its_model(name: str) -> None:
    with torch.device("meta"):
        assert needs.parameter_count(PRESETS[name]) == Phi(PRESETS[name]).parameter_count()


def kept_by(model: Phi, ids_BS: torch.Tensor, options: ForwardOptions) -> int:
    """Return the bytes that torch keeps of a pass for its way back, the model's own apart."""
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    kept: dict[int, torch.Tensor] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage().data_ptr() not in own:
            kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        model.loss(ids_BS[:, :-1], ids_BS[:, 1:], None, options)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("context", [128, 512])
@pytest.mark.parametrize(
    "changed", [{}, {"attention_dropout": 0.1}, {"residual_dropout": 0.1}, {"separate_documents": True}], ids=str
)
def test_activations_take_what_torch_really_keeps(precision: str, context: int, changed: dict[str, Any]) -> None:
    shape = SHAPE.model_copy(update={"context": context})
    settings = PLAIN.model_copy(update={"precision": precision, "model": shape, **changed})
    config = shape.config(320, 0)
    model = Phi(config).initialise(0).to(torch.float32 if precision == "float32" else torch.bfloat16)
    ids_BS = torch.arange(4 * (context + 1)).view(4, -1) % 320
    options = ForwardOptions(
        settings.attention_dropout,
        settings.residual_dropout,
        settings.separate_documents,
        torch.Generator().manual_seed(0) if "dropout" in str(changed) else None,
    )
    weights = 320 * 64 * (4 if precision == "float32" else 2)  # the loss makes the last matrix' gradient at once
    assert needs.activation_bytes(settings, config, 4) + weights == pytest.approx(
        kept_by(model, ids_BS, options), rel=0.03
    )


def test_muons_products_are_counted() -> None:
    config = PhiConfig(320, 64, 3, 2, 160, 128)
    phase = PHASE.model_copy(update={"optimizer": "muon"})
    model = Phi(config).initialise(0)
    muon = Muon(
        [
            (name, weight)
            for name, weight in model.named_parameters()
            if name.startswith("layers") and weight.dim() == 2
        ],
        0.1,
        torch.float32,
    )
    for weight in model.parameters():
        weight.grad = torch.ones_like(weight)
    with FlopCounterMode(display=False) as counter:
        muon.step(1e-3)
    passes = phase.batch_sequences * config.context * flop_per_token(config)
    assert needs.step_flop(PLAIN, phase, config) - passes == counter.get_total_flops()
    assert needs.step_flop(PLAIN, PHASE, config) == passes


def test_the_most_sequences_that_fit_are_found() -> None:
    config = SHAPE.config(320, 0)
    sizes = [needs.memory(PLAIN, PHASE, config, rows).total for rows in range(1, 9)]
    assert sizes == sorted(sizes)
    assert needs.rows_that_fit(PLAIN, PHASE, config, sizes[-1], True) == 8
    assert needs.rows_that_fit(PLAIN, PHASE, config, sizes[2], True) == 3
    assert needs.rows_that_fit(PLAIN, PHASE, config, sizes[0] - 1, True) == 0


def test_fewer_sequences_at_a_time_take_less_memory_and_a_working_copy_more() -> None:
    config = SHAPE.config(320, 0)
    whole = needs.memory(PLAIN, PHASE, config, 8)
    part = needs.memory(PLAIN.model_copy(update={"micro_sequences": 2}), PHASE, config, 2)
    assert (whole.is_accumulating, part.is_accumulating) == (False, True)
    assert part.activations * 4 == whole.activations
    half = needs.memory(PLAIN.model_copy(update={"precision": "bfloat16"}), PHASE, config, 8)
    assert whole.working_copy == 0
    assert half.working_copy == 4 * needs.parameter_count(config)
    assert whole.saved_copy > needs.memory(PLAIN, PHASE, config, 8, on_cpu=False).saved_copy == 0


def test_the_disk_holds_what_was_told(store: Store, inputs: dict[str, Artifact]) -> None:
    artifact = build(store, inputs)
    config = MODEL.config(300, 0)
    left, most = needs.disk(SETTINGS, config)
    weights = sum(path.stat().st_size for path in artifact.path.rglob("*.safetensors"))
    lines = (artifact.path / "metrics.jsonl").stat().st_size
    assert left == pytest.approx(weights + lines, rel=0.1)
    assert most > left + 3 * needs.EXACT * needs.parameter_count(config)
