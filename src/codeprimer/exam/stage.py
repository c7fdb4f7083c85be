"""The exam stage: draws problems, executes their solutions, and seals them.

A problem whose own solution does not pass its tests would be a bug in the curriculum, so every solution is executed before
anything is sealed.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from codeprimer.benchmarks.benchmark import Benchmark
from codeprimer.core.artifact import Artifact, Workspace, to_json
from codeprimer.core.documents import TASKS, Task
from codeprimer.core.errors import UserError
from codeprimer.core.seeds import python_random
from codeprimer.core.stage import Stage, Stats, Tools
from codeprimer.curriculum.blueprints import Exercise
from codeprimer.exam.commonness import CommonWordings
from codeprimer.exam.selection import Chooser
from codeprimer.exam.settings import ExamSettings
from codeprimer.reporting.blocks import Chapter
from codeprimer.reporting.facts import Facts
from codeprimer.sandbox import Program, Sandbox, Tier, VerdictKind


class ExamStage(Stage[ExamSettings]):
    """Draws problems from the curriculum and seals them."""

    name = "exam"
    number = 5
    version = 5
    Settings = ExamSettings
    runs_programs = True
    seeded = False
    required_tables = ("exam", "validation")

    @classmethod
    def chapter(cls, facts: Facts, examples: int) -> Chapter:
        """Return the report's chapter on the exam."""
        from codeprimer.exam.chapter import exam_chapter

        return exam_chapter(facts)

    def run(self, settings: ExamSettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        """Write the three tables."""
        common = CommonWordings(python_random(settings.seed, "common wordings"))
        chooser = Chooser(python_random(settings.seed, "exam"), common, settings.longest_program)
        sets = {
            "exam": list(chooser.problems(settings.problems)),
            "validation": list(chooser.problems(settings.validation)),
        }
        check_solutions([exercise for problems in sets.values() for exercise in problems], Tier[tools.tier])
        rows = {name: [task_row(f"{name}/{n:04d}", e) for n, e in enumerate(sets[name])] for name in sets}
        for name, tasks in rows.items():
            with out.table(name, TASKS) as table:
                table.write_all(tasks)
        counts: Counter[str] = Counter()
        with out.table("benchmarks", TASKS) as table:
            for task in _benchmark_tasks(settings, tools):
                counts[task["task_id"].partition("/")[0]] += 1
                table.write(task)
        return _stats(sets, rows, chooser.refused, dict(sorted(counts.items())))


def _benchmark_tasks(settings: ExamSettings, tools: Tools) -> Iterator[Task]:
    """Yield the tasks of all benchmarks; a task that several benchmarks share is yielded once."""
    seen: set[bytes] = set()
    for of in settings.benchmarks:
        benchmark: Benchmark = tools.make("benchmark", of)
        found = list(benchmark.tasks())
        if not found and not benchmark.may_be_empty:
            tools.console.warn(
                f"exam.benchmarks: benchmark {of.kind!r} has no tasks with these settings, so training data is not compared "
                "with it"
            )
        for task in found:
            if (content := to_json(task)) not in seen:
                seen.add(content)
                yield task


def task_row(task_id: str, exercise: Exercise) -> Task:
    """Return an exercise as a row of a task table."""
    return Task(
        task_id=task_id,
        blueprint=exercise.blueprint,
        concepts=list(exercise.concepts),
        entry_point=exercise.entry_point,
        prompt=exercise.prompt,
        solution=exercise.solution,
        tests=list(exercise.tests),
        setup="",
    )


def check_solutions(problems: Sequence[Exercise], tier: Tier) -> None:
    """Execute every solution against its tests.

    Raises UserError if a solution could not finish on this machine; a solution that fails is a bug.
    """
    with Sandbox(tier=tier, trust_tests=True) as sandbox:
        verdicts = sandbox.run(Program(problem.program, problem.tests) for problem in problems)
        for problem, verdict in zip(problems, verdicts, strict=True):
            broken = verdict.kind in (VerdictKind.failed, VerdictKind.raised)
            assert not broken, f"{problem.blueprint}: its own solution {verdict.kind} ({verdict.detail})"
            if not verdict.passed:
                raise UserError(
                    f"exam: the solution of {problem.blueprint} could not be executed ({verdict.kind}); run again "
                    "with more memory or on a less busy machine"
                )


def _stats(
    sets: Mapping[str, Sequence[Exercise]],
    rows: Mapping[str, Sequence[Task]],
    refused: Mapping[str, int],
    benchmarks: dict[str, int],
) -> Stats:
    exam = sets["exam"]
    facts = {
        "problems": {name: len(problems) for name, problems in sets.items()},
        "refused": dict(sorted(refused.items())),
        "benchmarks": benchmarks,
        "digest": hashlib.sha256(to_json(rows)).hexdigest()[:16],
        "steps": _counts(str(problem.blueprint.count(">")) for problem in exam),
        "styles": _counts(problem.style for problem in exam),
        "concepts": _counts(concept for problem in exam for concept in problem.concepts),
        "operations": len({name for problem in exam for name in problem.blueprint.split(">")[1:]}),
        "examples": [
            {"blueprint": problem.blueprint, "program": problem.program, "tests": list(problem.tests)}
            for problem in exam[:3]
        ],
    }
    headline = f"{len(exam):,} exam and {len(sets['validation']):,} validation problems held out by composition"
    if benchmarks:
        headline += "; " + ", ".join(f"{name} {count:,}" for name, count in benchmarks.items())
    return Stats(headline, facts)


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
