"""The chapter on quality where a teacher was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from codeprimer.quality.chapter import annotation_blocks

TWICE = {"documents": 20, "equal": 0.9, "within_one": 1.0, "kappa": 0.85}
ANNOTATION: dict[str, Any] = {
    "model": "small",
    "replies": {"accepted": 100, "cut_off": 2, "other_form": 3},
    "answers": 120,
    "tokens": 1_000_000,
    "usd": 0.5,
    "asked_twice": TWICE,
}


def text_of(blocks: Sequence[Mapping[str, Any]]) -> str:
    return " ".join(str(block) for block in blocks)


def test_nothing_is_said_where_no_teacher_was_asked() -> None:
    assert annotation_blocks({"annotation": None}) == []
    assert annotation_blocks({}) == []


def test_cost_agreement_and_rejected_answers_are_shown() -> None:
    said = text_of(annotation_blocks({"annotation": ANNOTATION}))
    assert "'small', '105', '100', '120', '1', '0.500', '5'" in said
    assert "Of 20 documents" in said and "90.0 % got the same points" in said
    assert "cut off" in said


def test_two_teachers_stand_beside_each_other() -> None:
    second = {key: ANNOTATION[key] for key in ("replies", "answers", "tokens")} | {"model": "large", "usd": 5.0}
    said = text_of(annotation_blocks({"annotation": ANNOTATION | {"second": second | {"agreement": TWICE}}}))
    assert "small and large gave the same points to 90.0 % of 20 documents" in said
    assert "'large', '105', '100', '120', '1', '5', '50'" in said


def test_unknown_self_agreement_is_called_unknown() -> None:
    never = {"documents": 0, "equal": None, "within_one": None, "kappa": None}
    assert "is not known" in text_of(annotation_blocks({"annotation": ANNOTATION | {"asked_twice": never}}))
