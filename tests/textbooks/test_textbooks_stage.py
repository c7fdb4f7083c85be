from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from tests.authors.exams import exam_exercises, publish_exam
from tests.support import stage_tools

from codeprimer.analysis.prose import code_blocks
from codeprimer.authors.author import Author
from codeprimer.authors.offline.author import OfflineAuthor
from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.console import Console
from codeprimer.core.documents import document_id
from codeprimer.core.stage import identify, run_stage
from codeprimer.curriculum.concepts import CONCEPTS, position_of
from codeprimer.curriculum.heldout import HeldOut
from codeprimer.sandbox import Sandbox
from codeprimer.textbooks import stage as stage_module
from codeprimer.textbooks import writing
from codeprimer.textbooks.blocks import program_of
from codeprimer.textbooks.settings import TextbooksSettings
from codeprimer.textbooks.stage import TextbooksStage
from codeprimer.textbooks.writing import SectionUnit, write_sections

SETTINGS = TextbooksSettings(sections=90)
UNIT = 30


def build(root: Path, exam: Artifact, settings: TextbooksSettings, processes: int = 1, seed: int = 1) -> Artifact:
    """Run the stage in a store of its own."""
    stage, tools = TextbooksStage(), stage_tools(seed=seed, processes=processes)
    identity = identify(stage, settings, {"exam": exam.id}, tools)
    return run_stage(stage, settings, {"exam": exam}, identity, Store(root), tools).artifact


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    exercises = exam_exercises(150)
    store = Store(tmp_path_factory.mktemp("exam"))
    return publish_exam(store, {"exam": exercises[:100], "validation": exercises[100:]})


@pytest.fixture(scope="module")
def textbooks(exam: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return build(tmp_path_factory.mktemp("store"), exam, SETTINGS)


def test_sections_come_in_curriculum_order_and_cover_every_concept(textbooks: Artifact) -> None:
    rows = list(textbooks.rows("sections"))
    assert len(rows) == 90
    assert [row["position"] for row in rows] == list(range(90))
    places = [position_of(row["concept"]) for row in rows]
    assert places == sorted(places)
    assert {row["concept"] for row in rows} == set(CONCEPTS)


def test_every_row_is_its_text_and_no_two_are_alike(textbooks: Artifact) -> None:
    rows = list(textbooks.rows("sections"))
    assert all(row["doc_id"] == document_id(row["text"]) for row in rows)
    assert len({row["doc_id"] for row in rows}) == len(rows)
    assert all(150 <= len(row["text"].split()) <= 450 for row in rows)
    assert all(row["concept"] in row["concepts"] for row in rows)


def test_every_kept_section_runs_again(textbooks: Artifact) -> None:
    texts = [row["text"] for row in textbooks.rows("sections")][::4]
    with Sandbox(workers=1) as sandbox:
        verdicts = list(sandbox.run(program_of(code_blocks(text)) for text in texts))
    assert all(verdict.passed for verdict in verdicts)


def test_no_section_holds_a_composition_of_exam_or_validation(exam: Artifact, textbooks: Artifact) -> None:
    keys = [row["blueprint"] for table in ("exam", "validation") for row in exam.rows(table)]
    held_out = HeldOut.of(keys)
    for row in textbooks.rows("sections"):
        for key in row["blueprint"].split(" + "):
            assert key not in keys
            assert not held_out.forbids(tuple(key.split(">")[1:]))


def test_the_facts_agree_with_the_tables(textbooks: Artifact) -> None:
    facts = textbooks.facts
    rows = list(textbooks.rows("sections"))
    assert facts["sections"] == len(rows)
    assert facts["by_concept"] == Counter(row["concept"] for row in rows)
    assert facts["by_audience"] == Counter(row["audience"] for row in rows)
    assert facts["words"] == sum(len(row["text"].split()) for row in rows)
    assert sum(facts["by_length"].values()) == len(rows)
    assert sum(facts["rejected"].values()) == len(list(textbooks.rows("rejected")))
    assert len(facts["examples"]) == 3
    assert facts["distinct_code_blocks"] > 0.9 * facts["code_blocks"]
    assert textbooks.manifest["headline"].startswith("90 sections on 87 concepts kept")


def dies_in_the_second_unit(author: Author, unit: SectionUnit, folder: Path) -> None:
    if unit.start == UNIT:
        raise KeyboardInterrupt
    write_sections(author, unit, folder)


def skips_nothing_but_the_first_unit(author: Author, unit: SectionUnit, folder: Path) -> None:
    assert unit.start >= UNIT, "a finished unit is not made again"
    write_sections(author, unit, folder)


def test_a_killed_run_of_smaller_units_continues_in_two_processes_with_the_same_bytes(
    exam: Artifact, textbooks: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "UNIT_SECTIONS", UNIT)
    monkeypatch.setattr(stage_module, "write_sections", dies_in_the_second_unit)
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path, exam, SETTINGS)
    monkeypatch.setattr(stage_module, "write_sections", skips_nothing_but_the_first_unit)
    assert build(tmp_path, exam, SETTINGS, processes=2).manifest == textbooks.manifest


def test_another_seed_writes_other_sections_and_too_few_for_all_concepts_are_a_warning(
    exam: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(Console, "warn", lambda self, text: warnings.append(text))
    few = TextbooksSettings(sections=12, audiences=("pupil",))
    first, second = (build(tmp_path, exam, few, seed=seed) for seed in (1, 2))
    assert not {row["text"] for row in first.rows("sections")} & {row["text"] for row in second.rows("sections")}
    for warning in warnings:
        assert all(fact in warning for fact in ("textbooks.sections", "12 ", "75 ", "'integers'"))
    assert len(warnings) == 2


def test_changed_lessons_make_the_sections_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    before = identify(TextbooksStage(), SETTINGS, {"exam": "0" * 16}, stage_tools())
    monkeypatch.setattr(OfflineAuthor, "digest", lambda self: "other lessons")
    assert identify(TextbooksStage(), SETTINGS, {"exam": "0" * 16}, stage_tools()) != before
