"""The exercises stage: exactly as many as asked for, all different, all executed, nothing held out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.authors.exams import exam_exercises, publish_exam
from tests.support import stage_tools

from codeprimer.authors.author import Author
from codeprimer.authors.offline.author import OfflineAuthor
from codeprimer.authors.offline.compose import compose
from codeprimer.core import plugins
from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.console import Console
from codeprimer.core.documents import document_id
from codeprimer.core.errors import RecipeError
from codeprimer.core.stage import identify, run_stage
from codeprimer.curriculum.blueprints import Blueprint, Exercise, Rejection
from codeprimer.curriculum.heldout import HeldOut
from codeprimer.exercises.settings import ExercisesSettings
from codeprimer.exercises.stage import ExercisesStage

QUIET = Console("quiet")
SMALL = ExercisesSettings(count=90, unit_exercises=50)
ONE_UNIT = ExercisesSettings(count=40, unit_exercises=50)


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    problems = exam_exercises(60)
    return publish_exam(Store(tmp_path_factory.mktemp("exam")), {"exam": problems[:40], "validation": problems[40:]})


def build(
    folder: Path, exam: Artifact, settings: ExercisesSettings = SMALL, processes: int = 1, seed: int = 1
) -> Artifact:
    identity = identify(ExercisesStage(), settings, {"exam": exam.id}, stage_tools(QUIET, seed))
    tools = stage_tools(QUIET, seed, processes)
    return run_stage(ExercisesStage(), settings, {"exam": exam}, identity, Store(folder), tools).artifact


@pytest.fixture(scope="module")
def built(exam: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return build(tmp_path_factory.mktemp("exercises"), exam)


def use_author(monkeypatch: pytest.MonkeyPatch, author: type[Author]) -> None:
    """Have every author made as this one for the length of a test."""
    monkeypatch.setattr(plugins, "load", lambda role, kind: author)


def test_exactly_as_many_different_exercises_as_asked_for(built: Artifact) -> None:
    rows = list(built.rows("exercises"))
    assert len(rows) == built.facts["exercises"] == 90
    assert len({row["prompt"] for row in rows}) == 90
    assert all(row["verdict"] == "passed" and len(row["tests"]) >= 5 for row in rows)
    assert all(row["doc_id"] == document_id(row["prompt"] + row["solution"]) for row in rows)


def test_nothing_held_out_is_in_it(built: Artifact, exam: Artifact) -> None:
    held_out = HeldOut.by(exam)
    assert 50 < len(held_out.chains) <= 60
    assert not any(held_out.forbids(tuple(row["blueprint"].split(">")[1:])) for row in built.rows("exercises"))


def test_the_figures_say_what_there_is(built: Artifact) -> None:
    facts = built.facts
    assert sum(facts["styles"].values()) == sum(facts["steps"].values()) == 90
    assert facts["distinct_trees"] > 50
    assert facts["compositions"] > 50
    assert {"style", "blueprint", "program", "tests"} == facts["examples"][0].keys()


def test_two_processes_give_the_same_bytes_as_one(built: Artifact, exam: Artifact, tmp_path: Path) -> None:
    assert build(tmp_path, exam, processes=2).manifest == built.manifest


def test_another_seed_gives_other_exercises(built: Artifact, exam: Artifact, tmp_path: Path) -> None:
    other = build(tmp_path, exam, ONE_UNIT, seed=2)
    ids, other_ids = ({row["doc_id"] for row in artifact.rows("exercises")} for artifact in (built, other))
    # A single operation on the commonest type may be written alike twice.
    assert len(ids & other_ids) <= 2


class _Sloppy(OfflineAuthor):
    """Gets every third solution wrong."""

    def exercises(self, blueprints: Iterable[Blueprint]) -> Iterator[Exercise | Rejection]:
        for number, exercise in enumerate(super().exercises(blueprints)):
            if isinstance(exercise, Exercise) and number % 3 == 0:
                yield replace(exercise, solution="    raise ValueError('no idea')\n")
            else:
                yield exercise


class _Repeating(OfflineAuthor):
    """Knows one exercise."""

    def exercises(self, blueprints: Iterable[Blueprint]) -> Iterator[Exercise | Rejection]:
        known = compose(Blueprint("integers", ("keep_even", "total"), seed=2))
        assert known is not None
        return (known for _ in blueprints)


def test_wrong_solutions_are_kept_apart_with_the_reason_and_replaced(
    exam: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_author(monkeypatch, _Sloppy)
    artifact = build(tmp_path, exam, ONE_UNIT)
    assert len(list(artifact.rows("exercises"))) == 40
    rejected = list(artifact.rows("rejected"))
    assert {row["reason"] for row in rejected} >= {"raised"}
    assert any("no idea" in row["detail"] for row in rejected)
    assert artifact.facts["rejected"]["raised"] >= 13


def test_an_author_that_repeats_itself_is_an_error_that_names_the_setting(
    exam: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_author(monkeypatch, _Repeating)
    with pytest.raises(RecipeError, match=r"exercises\.count: .* only 1 of 40 different exercises"):
        build(tmp_path, exam, ONE_UNIT)
