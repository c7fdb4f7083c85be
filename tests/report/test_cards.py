"""The cards: who wrote the texts, and only what the run made."""

from __future__ import annotations

from typing import Any

from codeprimer.report.page import render_cards, writers


def test_the_card_names_each_author() -> None:
    facts = {"textbooks": {"author": "a person"}, "exercises": {"author": "small (a language model)"}}
    assert writers(facts) == [("textbooks", "a person"), ("exercises", "small (a language model)")]


def test_a_run_without_textbooks_has_no_author_of_them() -> None:
    assert writers({"exercises": {"author": "a person"}}) == [("exercises", "a person")]
    assert writers({}) == []


CLEAN = {"documents": 4, "kept": 3, "bytes": 9_000_000, "removed_bytes": 1_000_000}
CONTAMINATION = {"training_sets": {"code": CLEAN}, "task_sets": [], "tasks": 5, "gram_words": 13}


def cards(facts: dict[str, Any], folders: dict[str, str]) -> dict[str, str]:
    return dict(render_cards("small", facts, "", folders))


def test_a_data_set_without_textbooks_has_a_card_that_speaks_of_none() -> None:
    made = cards({"contamination": CONTAMINATION, "artefacts": {}}, {"contamination": "50-contamination"})
    assert list(made) == ["dataset_card.md"]
    assert "| filtered code | 3 | 8.0 MB | `50-contamination/code` |" in made["dataset_card.md"]
    assert "extbooks" not in made["dataset_card.md"].partition("## Known limits")[0]


def test_a_model_that_was_not_examined_has_a_card_without_scores() -> None:
    model = {"parameters": 10, "tokens": 20, "phases": [{"mixture": {"code": 1.0}}]}
    facts = {"base": model, "tokens": {}, "artefacts": {"base": {"stage": "training"}}}
    made = cards(facts, {"base": "71-base"})
    assert list(made) == ["model_card.md"]
    assert "| base | `71-base` | 10 | 20 | code |" in made["model_card.md"]
    assert "Scores" not in made["model_card.md"]
    assert "tuned" not in made["model_card.md"]
