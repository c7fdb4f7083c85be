"""The exam stage: sealed, executed, reproducible."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from tests.support import stage_tools

from codeprimer.benchmarks.benchmark import BENCHMARK
from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.console import Console
from codeprimer.core.documents import TASKS
from codeprimer.core.errors import SourceError
from codeprimer.core.shards import read_batches
from codeprimer.core.stage import identify, run_stage
from codeprimer.exam.commonness import CommonWordings
from codeprimer.exam.selection import Chooser
from codeprimer.exam.settings import ExamSettings
from codeprimer.exam.stage import ExamStage, check_solutions
from codeprimer.sandbox import Tier

QUIET = Console("quiet")
SMALL = ExamSettings(problems=12, validation=10)


def build(folder: Path, settings: ExamSettings = SMALL, seed: int = 1) -> Artifact:
    identity = identify(ExamStage(), settings, {}, stage_tools(QUIET, seed))
    tools = stage_tools(QUIET, seed, 1)
    return run_stage(ExamStage(), settings, {}, identity, Store(folder), tools).artifact


def test_the_exam_holds_what_was_asked_for(tmp_path: Path) -> None:
    exam = build(tmp_path)
    tasks, validation = list(exam.rows("exam")), list(exam.rows("validation"))
    assert (len(tasks), len(validation)) == (12, 10)
    assert tasks[3]["task_id"] == "exam/0003" and validation[0]["task_id"] == "validation/0000"
    assert not {row["blueprint"] for row in tasks} & {row["blueprint"] for row in validation}
    assert list(exam.rows("benchmarks")) == []
    assert next(read_batches(exam.table("exam"))).schema == TASKS
    assert exam.facts["problems"] == {"exam": 12, "validation": 10}
    assert sum(exam.facts["refused"].values()) > 0
    assert len(exam.facts["digest"]) == 16


def test_the_recipes_seed_changes_nothing_but_the_exams_own_does(tmp_path: Path) -> None:
    first, second = build(tmp_path, seed=1), build(tmp_path, seed=2)
    assert first.id == second.id
    other = build(tmp_path, SMALL.model_copy(update={"seed": 5}))
    assert other.facts["digest"] != first.facts["digest"]


def test_two_exams_are_the_same_bytes(tmp_path: Path) -> None:
    first, second = build(tmp_path / "a"), build(tmp_path / "b")
    assert first.manifest == second.manifest


def test_benchmarks_are_sealed_too_and_their_content_is_part_of_the_id(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    record = {
        "task_id": 1,
        "text": "Write a double.",
        "code": "def f(n): return 2 * n",
        "test_list": ["assert f(1) == 2"],
    }
    copy = tmp_path / "copy.jsonl"
    for file in (path, copy):
        file.write_bytes(orjson.dumps(record))
    settings = SMALL.model_copy(update={"benchmarks": (BENCHMARK.parse(str(path)), BENCHMARK.parse(str(copy)))})
    exam = build(tmp_path, settings)
    assert [row["task_id"] for row in exam.rows("benchmarks")] == ["MBPP/1"], "each task once"
    assert exam.facts["benchmarks"] == {"MBPP": 1}
    assert exam.id != build(tmp_path).id
    path.write_bytes(orjson.dumps(record | {"task_id": 2}))
    assert identify(ExamStage(), settings, {}, stage_tools(QUIET, 1)) != exam.id
    path.unlink()
    with pytest.raises(SourceError):
        identify(ExamStage(), settings, {}, stage_tools(QUIET, 1))


def test_a_wrong_solution_is_never_sealed() -> None:
    from dataclasses import replace
    from random import Random

    problem = next(Chooser(Random(1), CommonWordings(Random(9), 10), 640).problems(1))
    indent = " " * (8 if problem.prompt.startswith("class") else 4)
    check_solutions([problem], Tier.jailed)
    with pytest.raises(AssertionError, match="its own solution failed"):
        check_solutions([replace(problem, solution=f"{indent}return 'wrong'\n")], Tier.jailed)
