"""What a run decides before its first step."""

from __future__ import annotations

import pytest

from codeprimer.core.console import Console
from codeprimer.pipeline import check_precision, steps_until, with_machine
from codeprimer.recipe import parse_recipe

MACHINE = {"precision": "float32", "threads": 1, "device": "cpu"}


@pytest.mark.parametrize(
    ("precision", "device", "until", "bfloat16", "is_told"),
    [
        ("bfloat16", "cpu", "base", 1.5, True),
        ("bfloat16", "cpu", "base", 400.0, False),
        ("bfloat16", "cuda", "base", 1.5, False),
        ("bfloat16", "cpu", "tokens", 1.5, False),
        ("auto", "cpu", "base", 1.5, False),
    ],
)
def test_a_precision_that_the_processor_has_no_instructions_for_is_told(
    precision: str,
    device: str,
    until: str,
    bfloat16: float,
    is_told: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(
        "codeprimer.training.probe.product_speeds", lambda threads: {"float32": 180.0, "bfloat16": bfloat16}
    )
    recipe = parse_recipe({"name": "one", "training": {"precision": precision, "device": device}}, "test")
    settled = with_machine(recipe, MACHINE)
    check_precision(recipe, settled, steps_until(settled, until), Console())
    told = capsys.readouterr().err
    assert ("products take 120.0 times as long as in float32" in " ".join(told.split())) is is_told
