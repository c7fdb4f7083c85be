"""What the benchmarks' tests share: the small models of the evaluation's tests, and a benchmark of given rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.evaluation.conftest import checkpoints, tokenizer

from codeprimer.benchmarks.benchmark import Benchmark, Question
from codeprimer.core.documents import Task
from codeprimer.core.plugins import PluginSettings

__all__ = ["GivenBenchmark", "checkpoints", "questions", "tokenizer"]


class GivenBenchmark(Benchmark):
    """A benchmark of given tasks, in HumanEval's manner."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        super().__init__(PluginSettings(kind="given"))
        self._tasks = tasks

    def tasks(self) -> Iterator[Task]:
        yield from self._tasks


def questions(tasks: Sequence[Task]) -> list[Question]:
    """Return the questions of given tasks."""
    benchmark = GivenBenchmark(tasks)
    return [benchmark.question(task) for task in tasks]
