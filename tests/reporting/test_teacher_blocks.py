"""Blocks about texts that a teacher wrote."""

from __future__ import annotations

import re
from typing import Any

import pytest

from codeprimer.reporting.teachers import writing_blocks

WRITING: dict[str, Any] = {
    "model": "small",
    "replies": {"accepted": 100, "cut_off": 2, "other_form": 3},
    "answers": 120,
    "tokens": 1_000_000,
    "usd": 0.5,
}


def text_of(facts: dict[str, Any], kept: int) -> str:
    return " ".join(str(block) for block in writing_blocks(facts, kept))


def test_nothing_is_said_where_no_teacher_was_asked() -> None:
    assert writing_blocks({}, 3) == []


def test_cost_is_shown_per_thousand_kept_texts() -> None:
    assert "'small', '105', '50', '120', '1', '0.500', '10'" in text_of({"writing": WRITING}, 50)


def test_a_name_that_stands_for_several_models_is_shown() -> None:
    served = WRITING | {"served_by": {"small-1": 70, "small-2": 50}}
    said = text_of({"writing": served}, 50)
    for fact in ("small-1 70", "small-2 50"):
        assert fact in said


def test_two_authors_stand_beside_each_other() -> None:
    second = WRITING | {"model": "large", "usd": 5.0, "compared": {"orders": 60, "first": 40, "second": 50}}
    said = text_of({"writing": WRITING | {"second": second}}, 80)
    assert "'small', '105', '80', '120', '1', '0.500', '6.250'" in said
    assert "'large', '105', '50', '120', '1', '5', '100'" in said
    assert re.search(r"\b60\b.*\b40\b.*\bsmall\b.*\b50\b.*\blarge\b", said)


@pytest.mark.parametrize("facts", [{}, {"prompts": 3}])
def test_facts_of_an_author_that_are_not_a_teachers_figures_give_no_cost(facts: dict[str, Any]) -> None:
    assert writing_blocks({"writing": facts}, 3) == []
