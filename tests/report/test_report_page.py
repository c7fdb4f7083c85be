"""The page and the cards of a real run say what is true of it, and no more."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import orjson
from tests.conftest import SmallRun

from codeprimer.quality.chapter import quality_chapter
from codeprimer.reporting.wording import named_counts

MODELS = ("control", "base", "tuned")


def folder(run: SmallRun) -> Path:
    return run.folder / "90-report"


def facts_of(run: SmallRun) -> dict[str, Any]:
    return dict(orjson.loads((folder(run) / "facts.json").read_bytes()))


def words_of(run: SmallRun) -> str:
    """Return what a reader sees of the page, on one line."""
    page = (folder(run) / "report.html").read_text(encoding="utf-8")
    shown = re.sub(r"<(svg|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", shown)).split())


def test_the_page_begins_with_the_result_and_its_interval(small_run: SmallRun) -> None:
    words = words_of(small_run)
    facts = facts_of(small_run)
    tuned = next(row for row in facts["evaluation"]["scores"] if row["model"] == "tuned")
    assert f"({100 * tuned['low']:.1f} % to {100 * tuned['high']:.1f} %) of 24 problems" in words
    assert f"tokens of raw code ({facts['control']['tokens']:,})" in words
    assert words.index("problems whose") < words.index("Result Exam Corpus"), "the result stands above the contents"
    assert "not the training run" in words


def test_the_page_says_how_far_the_exam_is_apart_from_what_was_trained_on(small_run: SmallRun) -> None:
    words, exam = words_of(small_run), facts_of(small_run)["exam"]
    assert "no exercise and no worked example contains one" in words
    assert "all other texts are compared with the problems" in words
    assert named_counts(exam["refused"]) in words
    assert sum(exam["refused"].values()) > 0
    assert "no two have the same prompt" in words


def test_too_few_packages_are_called_so_and_long_texts_are_cut_aloud(small_run: SmallRun) -> None:
    words, facts = words_of(small_run), facts_of(small_run)
    heldout = next(of for of in facts["evaluation"]["bits_per_byte"] if of["text_set"] == "heldout")
    assert heldout["packages"] < 10, "the small run has few packages; if that changed, this test needs another run"
    assert all(row["low"] is None for row in heldout["models"])
    assert f"too few packages for an interval ({heldout['packages']};" in words
    assert f"first 4,096 bytes of {heldout['cut']:,} longer texts" in words


def test_the_page_says_how_the_scorer_was_tested_and_how_much_each_model_read(small_run: SmallRun) -> None:
    words, facts = words_of(small_run), facts_of(small_run)
    assert facts["quality"]["labels"]["split_by_package"] == ("no package is in both" in words)
    sets = facts["tokens"]["sets"]
    for model in MODELS:
        read = sum(count * sets[name]["bytes"] for name, count in facts[model]["epochs"].items())
        assert f"{facts[model]['tokens']:,} {read / 1e6:.1f} MB {facts[model]['steps']:,}" in words


def test_a_scorer_that_was_tested_on_packages_it_knew_is_not_said_to_be_apart(small_run: SmallRun) -> None:
    facts = facts_of(small_run)
    facts["quality"]["labels"]["split_by_package"] = False
    said = str(quality_chapter(facts, 2).blocks)
    assert "no package is in both" not in said
    assert "the sample has too few packages" in said


def test_the_cards_have_no_licence_of_their_own_and_count_what_is_published(small_run: SmallRun) -> None:
    data, model = ((folder(small_run) / f"{name}.md").read_text() for name in ("dataset_card", "model_card"))
    assert data.count("license: other") == model.count("license: other") == 1
    facts = facts_of(small_run)
    assert sum(facts["published_licenses"].values()) == facts["contamination"]["training_sets"]["code"]["kept"]
    counted = ", ".join(f"{name} {count}" for name, count in facts["published_licenses"].items())
    assert f"Documents of `50-contamination/code` by licence:\n{counted}." in data
    assert "No exercise and no worked example contains one of the exam's compositions" in model
    for name in MODELS:
        assert f"| {name} | exam |" in model
