"""One unit of work: order exercises, have them written, execute them.

Reads nothing but its unit; writes the tables ``accepted`` and ``rejected`` and a list of tree digests into its folder.
Its one idea: what a unit orders depends on the seed, its number and what is held out, so units may run anywhere, in
any order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice, tee
from pathlib import Path

from codeprimer.analysis.trees import masked_tree
from codeprimer.authors.author import Author
from codeprimer.core.artifact import to_json
from codeprimer.core.documents import EXERCISES, EXERCISES_REJECTED, document_id
from codeprimer.core.engine import ending
from codeprimer.core.plugins import PluginSettings, make
from codeprimer.core.seeds import python_random
from codeprimer.core.shards import Row, TableWriter
from codeprimer.curriculum.blueprints import Blueprint, Declined, Exercise
from codeprimer.curriculum.heldout import HeldOut
from codeprimer.curriculum.sampler import orders
from codeprimer.sandbox import Limits, Program, Sandbox, Tier, Verdict

ORDERS_PER_EXERCISE = 5
"""A unit gives up after so many orders per exercise that it wants."""

ACCEPTED, REJECTED, TREES, PLACES = "accepted", "rejected", "trees.json", "places.json"


@dataclass(frozen=True)
class WriteUnit:
    """So many exercises, from one stream of orders."""

    number: int
    count: int
    seed: int
    author: PluginSettings
    seconds: float
    held_out: HeldOut
    tier: Tier


def write_unit(unit: WriteUnit, folder: Path) -> None:
    """Write the exercises of a unit that pass their tests, and those that do not with the reason."""
    author: Author = make("author", unit.author)
    exercises = list(_distinct(author, unit))
    trees: list[str] = []
    with (
        Sandbox(Limits(seconds=unit.seconds), 1, unit.tier, trust_tests=author.trusted_tests) as sandbox,
        TableWriter(folder / ACCEPTED, EXERCISES) as accepted,
        TableWriter(folder / REJECTED, EXERCISES_REJECTED) as rejected,
    ):
        verdicts = sandbox.run(Program(exercise.program, exercise.tests) for exercise in exercises)
        for exercise, verdict in zip(exercises, verdicts, strict=True):
            _sort(exercise, verdict, accepted, rejected, trees)
    (folder / TREES).write_bytes(to_json(trees))


def _sort(exercise: Exercise, verdict: Verdict, accepted: TableWriter, rejected: TableWriter, trees: list[str]) -> None:
    """Write an exercise where its verdict says."""
    row = exercise_row(exercise, verdict)
    if verdict.passed:
        accepted.write(row)
        trees.append(masked_tree(exercise.program, names="all", literals=True))
    else:
        rejected.write(row | {"reason": str(verdict.kind), "detail": verdict.detail})


def exercise_row(exercise: Exercise, verdict: Verdict) -> Row:
    """Return an exercise as a row of the table ``exercises``."""
    return {
        "doc_id": document_id(exercise.program),
        "blueprint": exercise.blueprint,
        "concepts": list(exercise.concepts),
        "style": exercise.style,
        "entry_point": exercise.entry_point,
        "prompt": exercise.prompt,
        "solution": exercise.solution,
        "tests": list(exercise.tests),
        "verdict": str(verdict.kind),
        "tier": verdict.tier.name,
        "request_id": exercise.request_id,
    }


def _distinct(author: Author, unit: WriteUnit) -> Iterator[Exercise]:
    """Yield what the author writes, no prompt twice."""
    seen: set[str] = set()
    written = author.exercises(_orders(unit, unit.count * ORDERS_PER_EXERCISE))
    found = (exercise for exercise in written if isinstance(exercise, Exercise))
    yield from islice((exercise for exercise in found if _is_new(exercise, seen)), unit.count)


def _is_new(exercise: Exercise, seen: set[str]) -> bool:
    if exercise.prompt in seen:
        return False
    seen.add(exercise.prompt)
    return True


def _orders(unit: WriteUnit, count: int) -> Iterator[Blueprint]:
    """Yield so many blueprints that contain nothing held out."""
    random = python_random(unit.seed, "exercises", unit.number)
    return islice(orders(random, unit.held_out), count)


def ask_unit(author: Author, unit: WriteUnit, folder: Path) -> None:
    """Have as many exercises written as the unit counts, each ordered once, and keep what passes its tests.

    What an author declined is rejected with its reason; its answers lie in the journal. Which of the orders were met is
    noted too.
    """
    trees: list[str] = []
    places: list[int] = []
    with (
        ExitStack() as stack,
        Sandbox(Limits(seconds=unit.seconds), tier=unit.tier) as sandbox,
        TableWriter(folder / ACCEPTED, EXERCISES) as accepted,
        TableWriter(folder / REJECTED, EXERCISES_REJECTED) as rejected,
    ):
        blueprints, ordered = tee(_orders(unit, unit.count))
        exercises = stack.enter_context(ending(author.exercises(blueprints)))
        pairs = zip(ordered, exercises, strict=True)
        for place, (blueprint, written, verdict) in enumerate(_judged(pairs, sandbox)):
            if isinstance(written, Exercise) and verdict is not None:
                _sort(written, verdict, accepted, rejected, trees)
                if verdict.passed:
                    places.append(place)
            elif isinstance(written, Declined):
                declined = {"blueprint": blueprint.key, "request_id": written.request_id}
                rejected.write(declined | {"reason": written.reason, "detail": written.detail})
    (folder / TREES).write_bytes(to_json(trees))
    (folder / PLACES).write_bytes(to_json(places))


Pair = tuple[Blueprint, Exercise | Declined | None]


def _judged(
    pairs: Iterable[Pair], sandbox: Sandbox
) -> Iterator[tuple[Blueprint, Exercise | Declined | None, Verdict | None]]:
    """Yield what was written with its verdict, in order; what is no exercise has none."""
    waiting: deque[Pair] = deque()

    def programs() -> Iterator[Program]:
        for pair in pairs:
            waiting.append(pair)
            if isinstance(pair[1], Exercise):
                yield Program(pair[1].program, pair[1].tests)

    for verdict in sandbox.run(programs()):
        while not isinstance(waiting[0][1], Exercise):
            yield (*waiting.popleft(), None)
        yield (*waiting.popleft(), verdict)
    while waiting:
        yield (*waiting.popleft(), None)
