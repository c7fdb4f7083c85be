"""From completions to verdicts.

Reads problems and completions, runs the programs in the sandbox. One idea: a verdict must not depend on what else the
machine does, so a program that ran out of time gets a second, longer chance on its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codeprimer.sandbox import Limits, Program, Sandbox, Verdict, VerdictKind

NEW_TOKENS = 192
"""The longest answer to a problem of the exam [tokens]."""

SECONDS = 2.0
"""Processor time per answer to a problem of the exam [s]."""

SECOND_CHANCE = 2.0
"""How much more time the second run of a timed-out program gets."""


@dataclass(frozen=True)
class Sample:
    """One answer of one model."""

    task_id: str
    prompt: str
    completion: str
    verdict: Verdict
    concepts: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every test held."""
        return self.verdict.passed


def limits_of(seconds: float) -> Limits:
    """Return the sandbox's limits for a processor time per program [s]."""
    return Limits(seconds=seconds, wall_seconds=4 * seconds + 2)


def program_of(task: Mapping[str, Any], completion: str) -> Program:
    """Return the program that a completion makes of a problem (a row of ``TASKS``)."""
    return Program(task["prompt"].rstrip() + completion, tuple(task["tests"]), task["setup"], task["entry_point"])


def verdict_columns(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as columns of the table ``samples``."""
    return {
        "verdict": verdict.kind.value,
        "detail": verdict.detail,
        "tier": verdict.tier.name,
        "together": verdict.together,
    }


def grade(
    tasks: Sequence[Mapping[str, Any]], completions: Sequence[str], sandbox: Sandbox, limits: Limits
) -> list[Sample]:
    """Return a graded sample per problem, in order."""
    programs = [program_of(task, completion) for task, completion in zip(tasks, completions, strict=True)]
    return [
        Sample(task["task_id"], task["prompt"], completion, verdict, tuple(task["concepts"] or ()))
        for task, completion, verdict in zip(tasks, completions, judge(programs, sandbox, limits), strict=True)
    ]


def judge(programs: Sequence[Program], sandbox: Sandbox, limits: Limits) -> list[Verdict]:
    """Return the verdicts; programs that run out of time are run once more, alone and with more time."""
    verdicts = list(sandbox.run(programs, limits))
    for index, verdict in enumerate(verdicts):
        if verdict.kind is VerdictKind.timed_out:
            [verdicts[index]] = sandbox.run([programs[index]], limits.times(SECOND_CHANCE))
    return verdicts
