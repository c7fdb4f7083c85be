"""From completions to verdicts: real programs, a second run for slow ones, and references."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from tests.benchmarks.conftest import GivenBenchmark
from tests.evaluation.conftest import TASK_ROWS

from codeprimer.benchmarks.benchmark import Benchmark, make_task
from codeprimer.benchmarks.exam import ExamBenchmark, SealedExamSettings
from codeprimer.benchmarks.execution import ExecutionGrader, ExecutionSettings, judge, limits_of
from codeprimer.benchmarks.grader import Answer, Grader
from codeprimer.benchmarks.grading import check_references, grade
from codeprimer.core.documents import Task
from codeprimer.core.errors import PluginError
from codeprimer.core.plugins import PluginSettings
from codeprimer.sandbox import Program, Sandbox, Verdict, VerdictKind


class GivenExam(ExamBenchmark):
    """Given tasks, asked as the exam is."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        super().__init__(SealedExamSettings(kind="exam", path=Path()))
        self._tasks = tasks

    def tasks(self) -> Iterator[Task]:
        yield from self._tasks


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    with ExecutionGrader(ExecutionSettings(kind="tests"), sandbox=partial(Sandbox, workers=1)) as grader:
        yield grader


def test_reference_solutions_pass_and_others_fail(grader: Grader) -> None:
    benchmarks: list[Benchmark] = [GivenBenchmark(TASK_ROWS), GivenExam(TASK_ROWS)]
    for benchmark in benchmarks:
        right = [(task, benchmark.reference(task)) for task in TASK_ROWS]
        wrong = [(task, "\n    return None\n") for task in TASK_ROWS]
        assert all(sample.passed for sample in grade(benchmark, grader, right))
        assert {sample.verdict.kind for sample in grade(benchmark, grader, wrong)} == {VerdictKind.failed}


def test_an_answer_that_continues_the_last_line_of_the_prompt_is_a_program(grader: Grader) -> None:
    task: Task = {**TASK_ROWS[0], "prompt": "def double(x): "}
    [sample] = grade(GivenExam([task]), grader, [(task, " return 2 * x\nprint(1)\n")])
    assert sample.passed
    assert sample.completion == " return 2 * x\n"


def test_the_exam_cuts_an_answer_once(grader: Grader) -> None:
    exam = GivenExam(TASK_ROWS)
    for completion in ("\n    return 2 * x\n\n\ndef other():\n", "", "\n\n", "\n    x = 1  \n\n    return x"):
        once = exam.cut(TASK_ROWS[0], completion)
        assert exam.cut(TASK_ROWS[0], once) == once


def test_a_completion_is_cut_unless_it_is_an_answer_already(grader: Grader) -> None:
    task = TASK_ROWS[0]
    text = "    return two() * x\n\n\ndef two():\n    return 2\n"
    benchmark = GivenBenchmark([task])
    assert not grade(benchmark, grader, [(task, text)])[0].passed
    assert grade(benchmark, grader, [(task, text)], is_cut=True)[0].passed


def test_samples_of_a_task_are_numbered(grader: Grader) -> None:
    completions = [(task, "\n    return None\n") for task in TASK_ROWS[:2] for _ in range(2)]
    samples = grade(GivenBenchmark(TASK_ROWS), grader, completions)
    assert [sample.sample for sample in samples] == [0, 1, 0, 1]
    row = samples[1].row("tuned")
    assert (row["model"], row["task_id"], row["sample"], row["verdict"]) == ("tuned", "exam/0000", 1, "failed")


def test_references_that_need_their_tests_beside_them_are_told_from_those_that_fail(grader: Grader) -> None:
    box = "class Box:\n    def __init__(self, x):\n        self.x = x\n"
    boxed = make_task("t/0", "unpack", "def unpack(box):\n", "    return box.x\n", ["assert unpack(Box(2)) == 2"], box)
    wrong = make_task("t/1", "one", "def one():\n", "    return 2\n", ["assert one() == 1"])
    right = make_task("t/2", "one", "def one():\n", "    return 1\n", ["assert one() == 1"])
    tasks = [boxed, wrong, right]
    assert check_references(GivenBenchmark(tasks), grader, tasks) == (frozenset({"t/0"}), frozenset({"t/1"}))


def busy(seconds: float) -> Program:
    return Program(f"import time\nend = time.process_time() + {seconds}\nwhile time.process_time() < end: pass")


def test_a_program_that_runs_out_of_time_gets_one_longer_run() -> None:
    with Sandbox(workers=1) as sandbox:
        verdicts = judge([busy(0.0), busy(0.6), busy(5.0), busy(0.0)], sandbox, limits_of(0.45))
    passed, timed_out = VerdictKind.passed, VerdictKind.timed_out
    assert [verdict.kind for verdict in verdicts] == [passed, passed, timed_out, passed]


def test_a_grader_that_gives_too_few_verdicts_is_named() -> None:
    class Lazy(Grader):
        def grade(self, benchmark: Benchmark, answers: Sequence[Answer]) -> list[Verdict]:
            return []

    completions = [(TASK_ROWS[0], "x")]
    with pytest.raises(PluginError, match="grader 'lazy' returned 0 verdicts for 1 answers"):
        grade(GivenBenchmark(TASK_ROWS), Lazy(PluginSettings(kind="lazy")), completions)
