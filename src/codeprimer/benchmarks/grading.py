"""Turns completions into verdicts; shared by training, the evaluation stage and ``codeprimer evaluate``.

The benchmark cuts a completion, and a grader grades it; the result is a sample.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from codeprimer.benchmarks.benchmark import Benchmark
from codeprimer.benchmarks.grader import Answer, Grader
from codeprimer.core.documents import SampleRow, Task
from codeprimer.core.errors import PluginError
from codeprimer.sandbox import Verdict, VerdictKind

_NEEDS_TESTS = (VerdictKind.refused, VerdictKind.raised, VerdictKind.failed)
"""Possible verdicts on a correct solution that runs apart from its tests but must share their process."""


@dataclass(frozen=True)
class Sample:
    """One graded answer."""

    task_id: str
    prompt: str
    completion: str
    """The answer: the part of the completion that remains after the benchmark's cut."""
    verdict: Verdict
    concepts: tuple[str, ...] = ()
    sample: int = 0
    """The index of the sample among the answers to the same task."""

    @property
    def passed(self) -> bool:
        """Whether every test passed."""
        return self.verdict.passed

    def row(self, model: str) -> SampleRow:
        """Return the sample's row in the ``samples`` table."""
        return SampleRow(
            model=model,
            task_id=self.task_id,
            sample=self.sample,
            prompt=self.prompt,
            completion=self.completion,
            verdict=self.verdict.kind.value,
            detail=self.verdict.detail,
            tier=self.verdict.tier.name,
            together=self.verdict.together,
        )


def grade(
    benchmark: Benchmark,
    grader: Grader,
    completions: Iterable[tuple[Task, str]],
    is_cut: bool = False,
    together: Collection[str] = (),
) -> list[Sample]:
    """Return one graded sample per completion, in order.

    ``is_cut``: the completions are already answers. ``together``: the ids of tasks whose programs must share a process with
    their tests.
    """
    answers = [
        Answer(task, text if is_cut else benchmark.cut(task, text), task["task_id"] in together)
        for task, text in completions
    ]
    seen: Counter[str] = Counter()
    samples = []
    for answer, verdict in zip(answers, _verdicts(benchmark, grader, answers), strict=True):
        task = answer.task
        number, seen[task["task_id"]] = seen[task["task_id"]], seen[task["task_id"]] + 1
        facts = task["task_id"], benchmark.prompt(task), answer.text, verdict, tuple(task["concepts"] or ())
        samples.append(Sample(*facts, number))
    return samples


def check_references(
    benchmark: Benchmark, grader: Grader, tasks: Iterable[Task]
) -> tuple[frozenset[str], frozenset[str]]:
    """Grade the benchmark's own solutions; return the tasks that must share a process with their tests, and the failed tasks.

    Some tests pass instances of their own classes to the program, so the two cannot run in separate processes.
    """
    apart = [Answer(task, benchmark.reference(task)) for task in tasks]
    found = zip(apart, _verdicts(benchmark, grader, apart), strict=True)
    failed = [(answer, verdict) for answer, verdict in found if not verdict.passed]
    # A timeout or a crash does not show whether separate processes are possible.
    rest = [Answer(answer.task, answer.text, True) for answer, verdict in failed if verdict.kind in _NEEDS_TESTS]
    joined = zip(rest, _verdicts(benchmark, grader, rest), strict=True)
    together = frozenset(answer.task["task_id"] for answer, verdict in joined if verdict.passed)
    return together, frozenset(answer.task["task_id"] for answer, _ in failed) - together


def _verdicts(benchmark: Benchmark, grader: Grader, answers: list[Answer]) -> list[Verdict]:
    verdicts = grader.grade(benchmark, answers) if answers else []
    if len(verdicts) != len(answers):
        raise PluginError(
            f"grader {grader.settings.kind!r} returned {len(verdicts):,} verdicts for {len(answers):,} answers; fix the "
            "plug-in"
        )
    return verdicts
