"""The chapters of the page: what is shown of many examples, and with which words."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from codeprimer.report import page
from codeprimer.report.blocks import Section, code, interleaved, side_by_side, table
from codeprimer.report.data_sections import contamination_section
from codeprimer.report.facts import SCORE_HEADINGS, score_table
from codeprimer.report.model_sections import training_section
from codeprimer.report.result_sections import result_section, samples_section

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


def captions(section: Section) -> list[list[str]]:
    """Return the captions of the two columns of a section's last block."""
    return [[item["caption"].partition(":")[0] for item in side] for side in section.blocks[-1]["sides"]]


def test_as_many_answers_are_right_as_wrong_and_every_model_is_among_the_wrong() -> None:
    examples = [
        *answers("control", False, 3),
        *answers("base", False, 3),
        *answers("tuned", True, 3),
        *answers("tuned", False, 3),
    ]
    right, wrong = captions(samples_section({"evaluation": {"examples": examples}}, 8))
    assert right == ["tuned, exam/0", "tuned, exam/1", "tuned, exam/2"]
    assert wrong == ["tuned, exam/0", "base, exam/0", "control, exam/0"]


def test_where_nothing_is_right_wrong_answers_of_every_model_are_shown() -> None:
    examples = [answer for model in ("control", "base", "tuned") for answer in answers(model, False, 3)]
    right, wrong = captions(samples_section({"evaluation": {"examples": examples}}, 8))
    assert right == ["none"]
    assert [caption.partition(",")[0] for caption in wrong] == ["tuned", "base", "control"]


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
    shown = contamination_section({"contamination": facts}, 8).blocks
    pairs = [[side[0]["caption"] for side in block["sides"]] for block in shown if block["kind"] == "side_by_side"]
    assert pairs == [
        ["training text d1", "MBPP/1, by syntax-tree"],
        ["training text d3", "MBPP/1, by syntax-tree"],
        ["training text d2", "MBPP/2, by syntax-tree"],
    ]


def evaluation() -> dict[str, Any]:
    scores = [
        {"model": model, "task_set": "exam", "passed": 5, "total": 10, **INTERVAL}
        for model in ("control", "base", "tuned")
    ]
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
        "bits_per_byte": [{**of, "comparisons": []} for of in texts],
    }


def shown() -> dict[str, Any]:
    """Return facts of a run with an evaluation."""
    return {"evaluation": evaluation(), "artefacts": {"evaluation": {"settings": {"document_bytes": 4096}}}}


def test_an_interval_says_what_was_drawn_anew() -> None:
    headings = [
        block["headings"][-1]
        for block in result_section(shown()).blocks
        if block["kind"] == "table" and "bits per byte" in block["headings"]
    ]
    assert headings == ["95 % interval (bootstrap over packages)", "95 % interval (bootstrap over problems)"]


def test_the_terminal_and_the_page_show_the_same_scores_under_the_same_headings() -> None:
    facts = shown()
    on_page = next(block for block in result_section(facts).blocks if block["kind"] == "table")
    on_terminal = score_table(facts)
    assert [column.header for column in on_terminal.columns] == on_page["headings"] == list(SCORE_HEADINGS)
    cells = [list(column.cells) for column in on_terminal.columns]
    assert cells == [list(column) for column in zip(*on_page["cells"], strict=True)]


def test_whoever_takes_a_few_of_several_lists_sees_every_list() -> None:
    assert interleaved([[1, 2, 3], [], [4, 5]]) == [1, 4, 2, 5, 3]
    assert interleaved([]) == []


WIDE = [
    code("caption", "x" * 400),
    side_by_side([code("a", "y = " + "1 + " * 99)], []),
    table(("a",), [("z" * 300,)]),
]
"""What is wider than any window."""


@pytest.mark.browser
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs a Chromium")
@pytest.mark.parametrize("width", [500, 1200])
def test_the_page_never_scrolls_sideways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    from playwright.sync_api import sync_playwright

    titles = [Section(f"s{number}", f"Chapter {number} of many", WIDE) for number in range(12)]
    monkeypatch.setattr(page, "sections", lambda facts, examples: titles)
    monkeypatch.setattr(page, "lead_sentence", lambda facts: "Lead.")
    monkeypatch.setattr(page, "tiles", lambda facts: [])
    file = tmp_path / "page.html"
    file.write_text(page.render_page("name", 1, {"cost": {}}, 1))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": width, "height": 900})
        opened.goto(file.as_uri())
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        assert opened.evaluate("[...document.querySelectorAll('pre')].every(pre => pre.scrollWidth <= pre.clientWidth)")
        browser.close()


def trained(heldout: bool, candidates: int) -> dict[str, Any]:
    """Return the facts of three models, base chosen from so many checkpoints."""
    curve = [{"step": step, "tokens": 100 * step, "loss": 3.0, "bits_per_byte": 1.0} for step in (1, 2)]
    scored = [{"step": step, "tokens": 100 * step, "score": -3.0} for step in range(1, candidates + 1)]
    phase = {"name": "base", "mixture": {"code": 1.0}, "optimizer": "adamw", "peak_learning_rate": 1e-3, "end": 2}
    model = {
        "parameters": 10,
        "tokens": 200,
        "steps": 2,
        "phases": [phase],
        "epochs": {"code": 1.0},
        "precision": "float32",
        "final_loss": 3.0,
        "loss_curve": curve,
        "selection": {"candidates": scored, "published_step": candidates},
        **({"heldout_curve": curve} if heldout else {}),
    }
    return {"tokens": {"sets": {"code": {"bytes": 10}}}, **dict.fromkeys(("control", "base", "tuned"), model)}


def test_held_out_losses_and_the_choice_by_them_are_shown_only_where_they_are() -> None:
    plain, watched = (str(training_section(trained(heldout, count))) for heldout, count in ((False, 1), (True, 2)))
    for word in ("dashed", "held-out code", "base at step"):
        assert word not in plain
        assert word in watched
    assert "tuned at step" in plain
