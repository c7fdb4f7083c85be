"""The chapter on contamination: which pairs it shows."""

from __future__ import annotations

from typing import Any

from codeprimer.contamination.chapter import contamination_chapter


def pair(doc_id: str, task_id: str, measure: str) -> dict[str, Any]:
    return {"doc_id": doc_id, "task_id": task_id, "measure": measure, "document_excerpt": "a", "task_excerpt": "b"}


def test_pairs_come_from_every_training_set_and_each_is_shown_once() -> None:
    both = [
        pair("d1", "MBPP/1", "syntax-tree"),
        pair("d1", "MBPP/1", "words-13gram"),
        pair("d2", "MBPP/2", "syntax-tree"),
    ]
    counts = {"documents": 1, "removed": 1, "kept": 0, "matches": {}}
    facts = {
        "training_sets": {
            "raw": {**counts, "examples": both},
            "code": {**counts, "examples": both},
            "textbooks": {**counts, "examples": [pair("d3", "MBPP/1", "syntax-tree")]},
        },
        "task_sets": [],
        "tasks": 3,
        "gram_words": 13,
        "shortest_prose": 8,
        "min_nodes": 15,
    }
    shown = contamination_chapter({"contamination": facts}, 8).blocks
    pairs = [[side[0]["caption"] for side in block["sides"]] for block in shown if block["kind"] == "side_by_side"]
    assert pairs == [
        ["training text d1", "MBPP/1, by syntax-tree"],
        ["training text d3", "MBPP/1, by syntax-tree"],
        ["training text d2", "MBPP/2, by syntax-tree"],
    ]
