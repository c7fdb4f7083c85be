"""What the page and the card say where a teacher was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from codeprimer.report.annotation import annotation_blocks, writing_blocks
from codeprimer.report.page import _writers

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


def test_nothing_is_said_where_nobody_was_asked() -> None:
    assert annotation_blocks({"annotation": None}) == []
    assert annotation_blocks({}) == []
    assert writing_blocks({}, 3) == []
    assert _writers({"textbooks": {}, "exercises": {}}) == []


def test_cost_agreement_and_what_was_put_aside_are_told() -> None:
    said = text_of(annotation_blocks({"annotation": ANNOTATION}))
    assert "'small', '105', '100', '120', '1', '0.500', '5'" in said
    assert "Of 20 documents that were asked about twice, 90.0 % got the same points" in said
    assert "cut off, even under the largest limit" in said


def test_two_teachers_stand_beside_each_other() -> None:
    second = {key: ANNOTATION[key] for key in ("replies", "answers", "tokens")} | {"model": "large", "usd": 5.0}
    said = text_of(annotation_blocks({"annotation": ANNOTATION | {"second": second | {"agreement": TWICE}}}))
    assert "small and large gave the same points to 90.0 % of 20 documents" in said
    assert "'large', '105', '100', '120', '1', '5', '50'" in said


def test_where_no_document_was_asked_about_twice_that_is_told() -> None:
    never = {"documents": 0, "equal": None, "within_one": None, "kappa": None}
    assert "is not known" in text_of(annotation_blocks({"annotation": ANNOTATION | {"asked_twice": never}}))


def test_the_card_names_who_wrote() -> None:
    writing = {key: ANNOTATION[key] for key in ("model", "replies", "answers", "tokens", "usd")}
    assert _writers({"textbooks": {}, "exercises": {"writing": writing}}) == [
        ("textbooks", None),
        ("exercises", "small"),
    ]
    assert "'small', '105', '50'" in text_of(writing_blocks({"writing": writing}, 50))


def test_two_authors_stand_beside_each_other() -> None:
    writing = {key: ANNOTATION[key] for key in ("model", "replies", "answers", "tokens", "usd")}
    second = writing | {"model": "large", "usd": 5.0, "compared": {"orders": 60, "first": 40, "second": 50}}
    said = text_of(writing_blocks({"writing": writing | {"second": second}}, 80))
    assert "'small', '105', '80', '120', '1', '0.500', '6.250'" in said
    assert "'large', '105', '50', '120', '1', '5', '100'" in said
    assert "Both were given the first 60 orders: 40 texts of small passed every check, 50 of large." in said
