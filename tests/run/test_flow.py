"""What a run decides before its first step."""

from __future__ import annotations

import pytest

from codeprimer.core.console import Console
from codeprimer.run.flow import steps_until
from codeprimer.run.loading import parse_recipe
from codeprimer.run.machine import check_precision, with_machine

MACHINE = {"precision": "float32", "threads": 1, "device": "cpu"}


@pytest.mark.parametrize(
    ("precision", "device", "until", "cost", "is_told"),
    [
        ("bfloat16", "cpu", "base", 120.0, True),
        ("bfloat16", "cpu", "base", 2.0, False),
        ("bfloat16", "cuda", "base", 120.0, False),
        ("bfloat16", "cpu", "tokens", 120.0, False),
        ("auto", "cpu", "base", 120.0, False),
    ],
)
def test_a_precision_that_the_processor_has_no_instructions_for_is_told(
    precision: str,
    device: str,
    until: str,
    cost: float,
    is_told: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("codeprimer.training.probe.product_cost", lambda threads: cost)
    recipe = parse_recipe({"name": "one", "training": {"precision": precision, "device": device}}, "test")
    settled = with_machine(recipe, MACHINE)
    check_precision(recipe, settled, steps_until(settled, until), Console())
    told = capsys.readouterr().err
    assert ("120 times" in " ".join(told.split())) is is_told
