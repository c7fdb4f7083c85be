from __future__ import annotations

import math
from itertools import pairwise

import pytest

from codeprimer.core.errors import RecipeError
from codeprimer.training.plan import DataStream, Plan
from codeprimer.training.settings import ModelSettings, Phase, TrainingSettings


def plan(*phases: Phase, selections: int = 1) -> Plan:
    return Plan(TrainingSettings(model=ModelSettings(context=100), phases=phases, selections=selections))


BASE = Phase(name="base", mixture={"raw": 1.0}, tokens=4000, batch_sequences=4, peak_learning_rate=1.0, warmup_steps=3)
TUNED = Phase(
    name="tuned", mixture={"raw": 1.0}, tokens=1999, batch_sequences=2, peak_learning_rate=0.5, warmup_steps=0
)


def test_phases_follow_each_other_and_tokens_are_rounded_up_to_whole_steps() -> None:
    both = plan(BASE, TUNED)
    assert (both.ends, both.total) == ([10, 20], 20)
    assert [both.tokens_after(step) for step in (0, 1, 10, 11, 20)] == [0, 400, 4000, 4200, 6000]
    assert (both.position(9).phase.name, both.position(10).phase.name, both.position(10).step) == ("base", "tuned", 0)


def test_the_learning_rate_rises_to_its_peak_and_falls_to_its_last_share() -> None:
    rates = [plan(BASE, TUNED).position(step).learning_rate for step in range(20)]
    assert rates[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert rates[4:10] == pytest.approx([6 / 7, 5 / 7, 4 / 7, 3 / 7, 2 / 7, 1 / 7])
    assert rates[10] == 0.5
    assert rates[19] == pytest.approx(0.05)
    flat = plan(BASE.model_copy(update={"decay": "none"}))
    assert [flat.position(step).learning_rate for step in (3, 9)] == [1.0, 1.0]


def rates(**changes: object) -> list[float]:
    phase = BASE.model_copy(update={"tokens": 8000, "warmup_steps": 0, **changes})
    return [plan(phase).position(step).learning_rate for step in range(20)]


def test_a_cosine_falls_slowly_fast_and_slowly() -> None:
    falling = rates(decay="cosine")
    assert falling[0] == 1.0
    assert falling[10] == pytest.approx(0.5)
    assert falling[5] == pytest.approx((1 + math.cos(math.pi / 4)) / 2)
    assert all(before > after > 0 for before, after in pairwise(falling))


def test_a_stable_rate_falls_in_its_last_steps_alone() -> None:
    assert rates(decay="stable", decay_fraction=0.25) == pytest.approx([1.0] * 16 + [0.8, 0.6, 0.4, 0.2])
    assert rates(decay="stable", decay_fraction=1.0) == rates(decay="linear")
    assert rates(decay="stable", decay_fraction=0.001) == [1.0] * 20


@pytest.mark.parametrize("decay", ["linear", "cosine", "stable"])
def test_a_rate_falls_to_its_final_share(decay: str) -> None:
    to_zero, to_tenth = rates(decay=decay), rates(decay=decay, min_lr_ratio=0.1)
    assert to_tenth == pytest.approx([0.1 + 0.9 * rate for rate in to_zero])


def test_data_that_are_jumped_over_are_left_out() -> None:
    both = plan(BASE, TUNED)
    assert both.sequences(3, jumped=2) == both.sequences(5)


def test_a_warm_up_longer_than_the_phase_still_reaches_the_peak() -> None:
    short = plan(BASE.model_copy(update={"warmup_steps": 500}))
    assert short.position(9).learning_rate == 1.0


def test_a_later_phase_goes_on_where_an_earlier_stopped() -> None:
    both = plan(BASE, TUNED)
    drawn = [number for step in range(20) for number in both.sequences(step)["raw"]]
    assert drawn == list(range(60))
    assert both.drawn() == {"raw": 60}


def test_sets_that_begin_in_a_later_phase_begin_at_their_first_sequence() -> None:
    mixed = plan(BASE, TUNED.model_copy(update={"mixture": {"exercises": 0.5, "raw": 0.5}}))
    assert mixed.sequences(10) == {"exercises": range(1), "raw": range(40, 41)}
    assert mixed.drawn() == {"exercises": 10, "raw": 50}


@pytest.mark.parametrize(
    ("selections", "steps"), [(1, [20]), (2, [15, 20]), (4, [13, 15, 18, 20]), (50, range(11, 21))]
)
def test_checkpoints_are_scored_evenly_over_the_last_phase(selections: int, steps: list[int]) -> None:
    assert plan(BASE, TUNED, selections=selections).selections() == list(steps)


def test_every_order_of_a_set_is_a_course_of_its_own_that_later_phases_go_on_with() -> None:
    ordered = {"order": {"raw": "curriculum"}, "order_noise": 0.1}
    first, second = BASE.model_copy(update=ordered), TUNED
    third = TUNED.model_copy(update={**ordered, "name": "third"})
    three = plan(first, second, third)
    assert three.sequences(9) == {"raw": range(36, 40)}
    assert three.sequences(10) == {"raw": range(2)}, "shuffled, from the beginning"
    assert three.sequences(20) == {"raw": range(40, 42)}, "where the curriculum stopped"
    assert three.streams() == {DataStream("raw", "curriculum", 0.1): 60, DataStream("raw"): 20}
    assert three.drawn() == {"raw": 80}


def test_an_optimizer_is_kept_only_where_there_is_one_of_the_kind() -> None:
    keeps = {"keeps_optimizer": True}
    with pytest.raises(RecipeError, match=r"the phase 'base' is the first .*keeps_optimizer"):
        plan(BASE.model_copy(update=keeps))
    with pytest.raises(RecipeError, match=r"'tuned' \(muon\) cannot keep .* 'base' \(adamw\)"):
        plan(BASE, TUNED.model_copy(update={**keeps, "optimizer": "muon"}))
