from __future__ import annotations

import pytest

from codeprimer.core.errors import MissingExtraError
from codeprimer.training import probe
from codeprimer.training.settings import ModelSettings

SMALL = ModelSettings(layers=1, hidden=16, heads=2, intermediate=32, context=16)


def test_the_probe_takes_a_real_step_in_each_precision() -> None:
    seconds = probe.step_seconds(SMALL, 64, 1)
    assert seconds.keys() == {"float32", "bfloat16"}
    assert all(0 < value < 10 for value in seconds.values())


@pytest.mark.parametrize(
    ("float32", "bfloat16", "choice"), [(2.0, 1.0, "bfloat16"), (2.0, 1.9, "float32"), (1.0, 3.0, "float32")]
)
def test_bfloat16_is_chosen_only_where_it_is_clearly_faster(
    float32: float, bfloat16: float, choice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "product_speeds", lambda threads: {"float32": 1.0, "bfloat16": 1.0})
    monkeypatch.setattr(probe, "step_seconds", lambda *_: {"float32": float32, "bfloat16": bfloat16})
    assert probe.choose_precision(SMALL) == choice


def test_no_step_is_tried_in_a_precision_whose_products_are_slower_already(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "product_speeds", lambda threads: {"float32": 180.0, "bfloat16": 1.5})
    monkeypatch.setattr(probe, "step_seconds", lambda *_: pytest.fail("a step was tried"))
    assert probe.choose_precision(SMALL) == "float32"


def test_products_are_made_in_each_precision() -> None:
    speeds = probe.product_speeds(1)
    assert speeds.keys() == {"float32", "bfloat16"}
    assert all(speed > 0 for speed in speeds.values())


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codeprimer.core.extras.find_spec", lambda package: None)
    with pytest.raises(MissingExtraError, match="torch"):
        probe.choose_precision(SMALL)
