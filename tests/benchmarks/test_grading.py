"""Grading: verdicts for real programs, and a second chance for slow ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.evaluation.conftest import TASK_ROWS

from codeprimer.benchmarks.grading import grade, judge, limits_of
from codeprimer.sandbox import Program, Sandbox, VerdictKind


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1) as sandbox:
        yield sandbox


def test_reference_solutions_pass_and_others_fail(sandbox: Sandbox) -> None:
    right = ["\n" + row["solution"] for row in TASK_ROWS]
    wrong = ["\n    return None\n" for _ in TASK_ROWS]
    limits = limits_of(2.0)
    assert all(sample.passed for sample in grade(TASK_ROWS, right, sandbox, limits))
    assert {sample.verdict.kind for sample in grade(TASK_ROWS, wrong, sandbox, limits)} == {VerdictKind.failed}


def test_an_answer_that_continues_the_last_line_of_the_prompt_is_a_program(sandbox: Sandbox) -> None:
    task = {**TASK_ROWS[0], "prompt": "def double(x): "}
    assert [sample.passed for sample in grade([task], [" return 2 * x\n"], sandbox, limits_of(2.0))] == [True]


def busy(seconds: float) -> Program:
    return Program(f"import time\nend = time.process_time() + {seconds}\nwhile time.process_time() < end: pass")


def test_a_program_that_runs_out_of_time_gets_one_longer_run(sandbox: Sandbox) -> None:
    verdicts = judge([busy(0.0), busy(0.6), busy(5.0), busy(0.0)], sandbox, limits_of(0.45))
    passed, timed_out = VerdictKind.passed, VerdictKind.timed_out
    assert [verdict.kind for verdict in verdicts] == [passed, passed, timed_out, passed]
