"""The ``tests`` grader: every answer becomes a program, which the sandbox runs against the task's tests.

A verdict must not depend on the machine's load, so a program that times out is run again, alone and with more time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import Field

from codeprimer.benchmarks.benchmark import Benchmark
from codeprimer.benchmarks.grader import Answer, Grader
from codeprimer.core.plugins import PluginSettings
from codeprimer.sandbox import Limits, Program, Sandbox, Verdict, VerdictKind

SECOND_CHANCE = 2.0
"""The time limit for the second run, as a multiple of the first limit."""


class ExecutionSettings(PluginSettings):
    """How programs are run."""

    seconds: float | None = Field(
        default=None,
        gt=0,
        description="CPU time limit per program [s]; a program that times out is run again, alone, with twice the limit. null: "
        "the benchmark's own limit (exam 2 s, others 5 s).",
    )


class ExecutionGrader(Grader):
    """Runs the task's tests in the sandbox."""

    Settings = ExecutionSettings

    def __init__(self, settings: ExecutionSettings, *, sandbox: Callable[..., Sandbox]) -> None:
        super().__init__(settings)
        self._open = sandbox
        self._opened: dict[bool, Sandbox] = {}

    def grade(self, benchmark: Benchmark, answers: Sequence[Answer]) -> list[Verdict]:
        """Return the verdicts. Raises JailError if the machine does not provide a sandbox of the required tier."""
        trusted = benchmark.trusted_tests
        if trusted not in self._opened:
            self._opened[trusted] = self._open(trust_tests=trusted)
        programs = [benchmark.program(answer.task, answer.text, answer.together) for answer in answers]
        return judge(programs, self._opened[trusted], limits_of(self.settings.seconds or benchmark.seconds))

    def close(self) -> None:
        """End the sandbox's processes."""
        for sandbox in self._opened.values():
            sandbox.close()
        self._opened = {}


def limits_of(seconds: float) -> Limits:
    """Return the sandbox's limits for a CPU time per program [s]."""
    return Limits(seconds=seconds, wall_seconds=4 * seconds + 2)


def judge(programs: Sequence[Program], sandbox: Sandbox, limits: Limits) -> list[Verdict]:
    """Return the verdicts; programs that time out are run once more, alone and with more time."""
    verdicts = list(sandbox.run(programs, limits))
    for index, verdict in enumerate(verdicts):
        if verdict.kind is VerdictKind.timed_out:
            [verdicts[index]] = sandbox.run([programs[index]], limits.times(SECOND_CHANCE))
    return verdicts
