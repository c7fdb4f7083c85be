"""Losses are scaled so that small gradients survive float16."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.training.training_inputs import EXACT, build, make_inputs, rows_of

from codeprimer.core.artifact import Store
from codeprimer.training import scaling
from codeprimer.training.scaling import FIRST, LARGEST, LEAST, PATIENCE, LossScale


def test_only_float16_is_scaled() -> None:
    assert LossScale.of("float16").factor == FIRST
    for precision in ("float32", "bfloat16"):
        scale = LossScale.of(precision)
        assert scale.factor == 1.0
        assert not scale.overflowed(math.inf)
        assert scale.factor == 1.0


@given(st.lists(st.sampled_from([1.0, math.inf, math.nan]), max_size=60))
def test_the_factor_is_a_power_of_two_and_stays_a_factor(norms: list[float]) -> None:
    scale = LossScale.of("float16")
    for norm in norms:
        before = scale.factor
        assert scale.overflowed(norm) == (not math.isfinite(norm) and before > LEAST)
        assert math.log2(scale.factor).is_integer()
        assert LEAST <= scale.factor <= LARGEST


def test_the_factor_grows_after_many_steps_without_overflow() -> None:
    scale = LossScale(64.0)
    for _ in range(PATIENCE - 1):
        scale.overflowed(1.0)
    assert scale.factor == 64.0
    scale.overflowed(1.0)
    assert scale == LossScale(128.0, 0)


def test_a_run_in_float16_has_the_losses_of_float32(store: Store, tmp_path_factory: pytest.TempPathFactory) -> None:
    half = build(store, make_inputs(store), EXACT.model_copy(update={"precision": "float16"}))
    other = Store(tmp_path_factory.mktemp("other"))
    exact = build(other, make_inputs(other), EXACT)
    found, wanted = ([row["loss"] for row in rows_of(of)] for of in (half, exact))
    assert found == pytest.approx(wanted, rel=5e-3)
    assert half.facts["skipped_steps"] == 0


def test_a_step_that_overflows_is_left_out_and_the_next_one_is_scaled_less(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scaling, "FIRST", 2.0**20)
    half = build(store, make_inputs(store), EXACT.model_copy(update={"precision": "float16"}))
    skipped = [row["step"] for row in rows_of(half) if row.get("skipped")]
    assert skipped
    assert skipped == list(range(1, len(skipped) + 1))
    assert half.facts["skipped_steps"] == len(skipped)
    assert half.facts["rollbacks"] == []
