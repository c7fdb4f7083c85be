from __future__ import annotations

import math
from dataclasses import asdict

import pytest

from codeprimer.training.guard import ENOUGH, REMEMBERED, Guard


def after(norms: list[float]) -> Guard:
    guard = Guard()
    for norm in norms:
        assert guard.takes(norm, 1.0, 10.0)
    return guard


@pytest.mark.parametrize(("norm", "loss"), [(math.nan, 1.0), (math.inf, 1.0), (1.0, math.nan), (1.0, math.inf)])
def test_a_step_that_is_no_number_is_never_taken(norm: float, loss: float) -> None:
    guard = Guard()
    assert not guard.takes(norm, loss, 10.0)
    assert (guard.in_a_row, guard.skipped, guard.recent) == (1, 1, [])


def test_a_gradient_far_above_the_recent_ones_is_not_taken_and_changes_nothing() -> None:
    guard = after([1.0] * ENOUGH)
    assert guard.takes(10.0, 1.0, 10.0)
    assert not guard.takes(10.1, 1.0, 10.0)
    assert guard.recent == [1.0] * ENOUGH + [10.0]


def test_before_there_are_enough_nothing_is_unusual() -> None:
    assert after([1.0] * (ENOUGH - 1)).takes(1e9, 1.0, 10.0)


def test_what_is_usual_follows_the_last_steps() -> None:
    guard = after([1.0] * 40 + [8.0] * 40)
    assert len(guard.recent) == REMEMBERED
    assert guard.takes(70.0, 1.0, 10.0)


def test_a_step_that_is_taken_ends_a_row() -> None:
    guard = Guard()
    for norm in (math.nan, math.nan, 1.0, math.nan):
        guard.takes(norm, 1.0, 10.0)
    assert (guard.in_a_row, guard.skipped) == (1, 3)


def test_going_back_leaves_out_the_data_between_and_adds_up() -> None:
    saved = after([1.0] * 3)
    went = after([1.0] * 5)
    went.jumped, went.skipped, went.rollbacks = 10, 4, [{"from": 20, "to": 10}]
    saved.went_back(went, 18, 10)
    assert (saved.jumped, saved.skipped, saved.in_a_row) == (18, 4, 0)
    assert saved.rollbacks == [{"from": 20, "to": 10}, {"from": 18, "to": 10}]
    assert saved.recent == [1.0] * 3


def test_a_guard_comes_back_from_its_facts() -> None:
    guard = after([1.0, 2.0])
    guard.takes(math.nan, 1.0, 10.0)
    assert Guard(**asdict(guard)) == guard
