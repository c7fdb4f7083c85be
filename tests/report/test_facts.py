"""What a terminal shows of a run that has not come to its end."""

from __future__ import annotations

from typing import Any

from codeprimer.report.facts import corpus_table, progress

FACTS: dict[str, Any] = {
    "corpus": {"sources": {"code": {"found": 10, "kept": 4, "dropped": {"empty": 1, "tests": 5}}}},
    "quality": {
        "kept": {"documents": 1, "bytes": 2_000_000},
        "dropped": {"documents": 3, "bytes": 0},
        "threshold": 0.25,
    },
    "artefacts": {"corpus": {"headline": "4 documents kept"}, "quality": {"headline": "1 kept"}},
}


def test_every_source_shows_what_was_dropped_of_it_the_commonest_reason_first() -> None:
    cells = [next(iter(column.cells)) for column in corpus_table(FACTS).columns]
    assert cells == ["code", "10", "4", "6", "tests 5, empty 1"]


def test_every_step_that_is_done_says_what_it_made() -> None:
    assert list(progress(FACTS)) == [
        "corpus: 4 documents kept",
        "quality: 1 documents kept (2.0 MB) and 3 dropped (0.0 MB), at a score threshold of 0.250",
    ]
