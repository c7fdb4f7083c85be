from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from tests.training.training_inputs import MODEL, SETTINGS, build

from codeprimer.core.artifact import Artifact, Store
from codeprimer.model.arithmetic import flop_per_token
from codeprimer.model.phi import Phi
from codeprimer.training import pace as module
from codeprimer.training.pace import Pace
from codeprimer.training.plan import Plan
from codeprimer.training.ranks import Ranks
from codeprimer.training.settings import TrainingSettings

CONFIG = MODEL.config(300, 0)
LONG = SETTINGS.model_copy(
    update={"phases": (SETTINGS.phases[0].model_copy(update={"tokens": 10_000 * 128}),), "precision": "float32"}
)
TOKENS = 128
"""Tokens of a step."""


@pytest.fixture
def peaks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """How often, and of what, the machine's matmul_peak was measured."""
    asked: list[tuple[Any, ...]] = []

    def matmul_peak(*arguments: Any) -> float:
        asked.append(arguments)
        return 2.0

    monkeypatch.setattr(module, "matmul_peak", matmul_peak)
    return asked


def pace_of(settings: TrainingSettings = LONG) -> Pace:
    return Pace(Plan(settings), Phi(CONFIG), Ranks())


def test_the_speed_is_that_of_the_moment_and_the_share_is_of_what_products_reach_here(
    peaks: list[tuple[Any, ...]],
) -> None:
    pace, seconds = pace_of(), 0.0
    for step in range(1, 101):
        seconds += 1.0
        pace.after(step, 2.0, seconds)
    assert pace.tokens_per_second == pytest.approx(TOKENS)
    for step in range(101, 301):
        seconds += 0.25
        note = pace.after(step, 1.5, seconds)
    assert pace.tokens_per_second == pytest.approx(4 * TOKENS)
    assert pace.utilization == pytest.approx(4 * TOKENS * flop_per_token(CONFIG) / 2e9)
    assert note.startswith("loss 1.500, 512 tokens/s, 4% of measured matmul peak, ")
    assert note.endswith(" MB, 38,400 tokens")
    assert len(peaks) == 1, "measured once"
    assert peaks[0][0] == torch.float32
    facts = pace.facts(seconds)
    assert facts["tokens_per_second"] == pytest.approx(300 * TOKENS / 150), "of the whole run"
    assert facts["utilization"] == pytest.approx(2 * TOKENS * flop_per_token(CONFIG) / 2e9)
    assert facts["peak_memory"] > 10**7


def test_a_short_run_is_not_held_up_by_measuring_its_machine(peaks: list[tuple[Any, ...]]) -> None:
    pace = pace_of(SETTINGS)
    notes = [pace.after(step, 2.0, step * 0.5) for step in range(1, 13)]
    assert peaks == []
    assert "products" not in notes[-1]
    assert "256 tokens/s" in notes[-1]
    assert pace.facts(6.0)["utilization"] is None


def test_a_run_that_goes_back_is_not_taken_for_a_slow_one(peaks: list[tuple[Any, ...]]) -> None:
    pace = pace_of()
    for step in range(1, 21):
        pace.after(step, 2.0, float(step))
    pace.after(11, 2.0, 21.0)
    assert pace.tokens_per_second is None
    pace.after(12, 2.0, 22.0)
    assert pace.tokens_per_second == pytest.approx(TOKENS)


def test_a_device_that_does_not_tell_its_power_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "power_draw", lambda device: 350_000)
    assert module.power_draw(torch.device("cuda")) == 350.0

    def fail(device: object) -> int:
        raise ModuleNotFoundError("pynvml")

    monkeypatch.setattr(torch.cuda, "power_draw", fail)
    assert module.power_draw(torch.device("cuda")) is None


def test_speeds_stay_out_of_what_is_published_and_measuring_changes_no_byte(
    store: Store, inputs: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = build(store, inputs)
    store.remove(plain.path)
    monkeypatch.setattr(module, "LONG_RUN", 0.0)
    monkeypatch.setattr(module, "SHORTLY", 0.01)
    measured = build(store, inputs)
    assert measured.manifest == plain.manifest
    speed = json.loads((measured.path / "speed.json").read_text())
    assert speed["matmul_peak_flops"] > 1e8
    flops = speed["tokens_per_second"] * speed["flop_per_token"]
    assert speed["utilization"] == pytest.approx(flops / speed["matmul_peak_flops"])
    assert (speed["device"], speed["precision"], speed["threads"]) == ("cpu", "bfloat16", 1)
    assert b"tokens_per_second" not in (measured.path / "metrics.jsonl").read_bytes()
