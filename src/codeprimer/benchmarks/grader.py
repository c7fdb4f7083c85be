"""The contract for a grader, which turns answers into verdicts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import ClassVar

from codeprimer.benchmarks.benchmark import Benchmark
from codeprimer.core.documents import Task
from codeprimer.core.plugins import Plugin
from codeprimer.sandbox import Verdict


@dataclass(frozen=True)
class Answer:
    """An answer to a task, already cut."""

    task: Task
    text: str
    together: bool = False
    """Whether the answer's program must share a process with the tests."""


class Grader(Plugin):
    """Turns answers into verdicts; a context manager that closes the grader at the end."""

    role: ClassVar[str] = "grader"

    @abstractmethod
    def grade(self, benchmark: Benchmark, answers: Sequence[Answer]) -> list[Verdict]:
        """Return one verdict per answer, in order."""

    def close(self) -> None:
        """Release the grader's resources."""

    def __enter__(self) -> Grader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
