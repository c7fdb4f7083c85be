"""The result: which answers and scores the report shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from codeprimer.evaluation.chapter import SCORE_HEADINGS, result_chapter
from codeprimer.report.facts import score_table
from codeprimer.reporting.blocks import Chapter

MODELS = ("control", "base", "tuned")
INTERVAL = {"value": 0.5, "low": 0.4, "high": 0.6}


def answers(model: str, passed: bool, count: int) -> list[dict[str, Any]]:
    return [
        {
            "model": model,
            "task_id": f"exam/{number}",
            "passed": passed,
            "prompt": "def f():",
            "completion": "\n    return 1\n",
            "verdict": "passed" if passed else "failed",
            "detail": "",
        }
        for number in range(count)
    ]


def evaluation(examples: list[dict[str, Any]]) -> dict[str, Any]:
    scores = [{"model": model, "task_set": "exam", "passed": 5, "total": 10, **INTERVAL} for model in MODELS]
    texts = [
        {
            "text_set": name,
            "documents": 4,
            "packages": 4,
            "bytes": 9,
            "cut": 0,
            "models": [{"model": "base", **INTERVAL}],
        }
        for name in ("heldout", "humaneval-solutions")
    ]
    return {
        "scores": scores,
        "comparisons": [],
        "verdicts": {},
        "examples": examples,
        "bits_per_byte": [{**of, "comparisons": []} for of in texts],
    }


def facts(examples: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """Return facts of a run with an evaluation."""
    return {
        "evaluation": evaluation(list(examples)),
        "tuned": {"parameters": 1_000},
        "control": {"tokens": 2_000},
        "artefacts": {"evaluation": {"settings": {"document_bytes": 4096}}},
    }


def captions(chapter: Chapter) -> list[list[str]]:
    """Return the captions of the two columns of a chapter's last block."""
    return [[item["caption"].partition(":")[0] for item in side] for side in chapter.blocks[-1]["sides"]]


def test_as_many_answers_are_right_as_wrong_and_every_model_is_among_the_wrong() -> None:
    examples = [
        *answers("control", False, 3),
        *answers("base", False, 3),
        *answers("tuned", True, 3),
        *answers("tuned", False, 3),
    ]
    right, wrong = captions(result_chapter(facts(examples), 8))
    assert right == ["tuned, exam/0", "tuned, exam/1", "tuned, exam/2"]
    assert wrong == ["tuned, exam/0", "base, exam/0", "control, exam/0"]


def test_wrong_answers_of_every_model_are_shown_where_none_is_right() -> None:
    examples = [answer for model in MODELS for answer in answers(model, False, 3)]
    right, wrong = captions(result_chapter(facts(examples), 8))
    assert right == ["none"]
    assert [caption.partition(",")[0] for caption in wrong] == ["tuned", "base", "control"]


def test_an_interval_names_what_the_bootstrap_resamples() -> None:
    headings = [
        block["headings"][-1]
        for block in result_chapter(facts(), 8).blocks
        if block["kind"] == "table" and "bits per byte" in block["headings"]
    ]
    assert headings == ["95 % interval (bootstrap over packages)", "95 % interval (bootstrap over problems)"]


def test_the_terminal_and_the_page_show_the_same_scores_under_the_same_headings() -> None:
    shown = facts()
    on_page = next(block for block in result_chapter(shown, 8).blocks if block["kind"] == "table")
    on_terminal = score_table(shown)
    assert [column.header for column in on_terminal.columns] == on_page["headings"] == list(SCORE_HEADINGS)
    cells = [list(column.cells) for column in on_terminal.columns]
    assert cells == [list(column) for column in zip(*on_page["cells"], strict=True)]


def test_the_result_is_one_sentence_with_its_interval_and_a_tile_per_model() -> None:
    chapter = result_chapter(facts(), 8)
    for figure in ("1,000 parameters", "50.0 % (40.0 % to 60.0 %) of 10", "(2,000)"):
        assert figure in chapter.result
    assert [(tile.kind, tile.value) for tile in chapter.tiles] == [
        (name, "50.0 %") for name in ("tuned", "base", "control")
    ]
