"""Who wrote: what the data-set card says of authors."""

from __future__ import annotations

from codeprimer.report.page import writers

WRITING = {"writing": {"model": "small"}}


def test_the_card_names_the_model_that_wrote() -> None:
    assert writers({"textbooks": {}, "exercises": WRITING}) == [("textbooks", None), ("exercises", "small")]


def test_the_card_names_no_model_where_none_was_asked_or_nothing_was_written() -> None:
    assert writers({"textbooks": {}, "exercises": {}}) == writers({}) == []


def test_a_run_without_textbooks_has_no_author_of_them() -> None:
    assert writers({"exercises": WRITING}) == [("exercises", "small")]
