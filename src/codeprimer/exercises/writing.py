"""One unit of work: request exercises from an author and execute them.

The requests depend only on the seed, the unit number and the held-out compositions, so units can run anywhere and in any
order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import orjson

from codeprimer.analysis.trees import masked_tree
from codeprimer.authors.author import Author
from codeprimer.authors.writing import drafts
from codeprimer.core.artifact import to_json
from codeprimer.core.documents import EXERCISES, EXERCISES_REJECTED, ExerciseRow, RejectedExercise, document_id
from codeprimer.core.seeds import python_random
from codeprimer.core.shards import TableWriter, read_rows
from codeprimer.curriculum.blueprints import Blueprint, Exercise, Rejection
from codeprimer.curriculum.heldout import HeldOut
from codeprimer.curriculum.sampler import balanced_blueprints
from codeprimer.sandbox import Limits, Program, Sandbox, Tier, Verdict

REQUESTS_PER_EXERCISE = 5
"""Maximum number of blueprints per requested exercise, for an author that runs in worker processes."""

ACCEPTED, REJECTED, TREES, PLACES = "accepted", "rejected", "trees.json", "places.json"
"""The contents of a unit's folder: two tables, the accepted exercises' trees, and the indices of their blueprints."""

Draft = tuple[Blueprint, Exercise | Rejection]


@dataclass(frozen=True)
class ExerciseUnit:
    """``count`` exercises from one stream of blueprints."""

    number: int
    count: int
    seed: int
    seconds: float
    held_out: HeldOut
    tier: Tier

    def __len__(self) -> int:
        return self.count

    def blueprints(self) -> Iterator[Blueprint]:
        """Yield an endless stream of blueprints without held-out compositions."""
        return balanced_blueprints(python_random(self.seed, "exercises", self.number), self.held_out)


def write_exercises(author: Author, unit: ExerciseUnit, folder: Path) -> None:
    """Have an author write a unit's exercises, execute them, and write the ``accepted`` and ``rejected`` tables."""
    trees: list[str] = []
    places: list[int] = []
    workers = 1 if author.in_workers else None
    with (
        Sandbox(Limits(seconds=unit.seconds), workers, unit.tier, trust_tests=author.trusted_tests) as sandbox,
        TableWriter(folder / ACCEPTED, EXERCISES) as accepted,
        TableWriter(folder / REJECTED, EXERCISES_REJECTED) as rejected,
        closing(_drafts(author, unit)) as written,
    ):
        for place, ((blueprint, draft), verdict) in enumerate(_executed(written, sandbox)):
            if isinstance(draft, Rejection):
                rejected.write(_declined(blueprint, draft))
                continue
            assert verdict is not None
            row = _row(draft, verdict)
            if verdict.passed:
                accepted.write(row)
                trees.append(masked_tree(draft.program, names="all", literals=True))
                places.append(place)
            else:
                rejected.write({**row, "reason": str(verdict.kind), "detail": verdict.detail})
    (folder / TREES).write_bytes(to_json(trees))
    (folder / PLACES).write_bytes(to_json(places))


def passed(unit: ExerciseUnit, folder: Path) -> int:
    """Return how many of a unit's requests led to an accepted exercise; ``folder`` is its own or that of a longer unit."""
    return sum(place < unit.count for place in orjson.loads((folder / PLACES).read_bytes()))


def accepted_rows(folder: Path) -> Iterator[tuple[ExerciseRow, str]]:
    """Yield a unit's accepted exercises with their masked syntax trees."""
    return zip(
        read_rows(folder / ACCEPTED, None, ExerciseRow), orjson.loads((folder / TREES).read_bytes()), strict=True
    )


def _drafts(author: Author, unit: ExerciseUnit) -> Generator[Draft, None, None]:
    """Yield drafts until there are ``count`` different prompts or, if requests may cost money, one draft per request."""
    if not author.in_workers:
        yield from drafts(author, author.exercises, islice(unit.blueprints(), unit.count))
        return
    seen: set[str] = set()
    blueprints = islice(unit.blueprints(), unit.count * REQUESTS_PER_EXERCISE)
    with closing(drafts(author, author.exercises, blueprints)) as written:
        for blueprint, draft in written:
            if isinstance(draft, Exercise):
                if draft.prompt in seen:
                    continue
                seen.add(draft.prompt)
            yield blueprint, draft
            if len(seen) == unit.count:
                return


def _executed(written: Iterable[Draft], sandbox: Sandbox) -> Iterator[tuple[Draft, Verdict | None]]:
    """Yield the drafts in order; each exercise comes with its verdict."""
    waiting: deque[Draft] = deque()

    def programs() -> Iterator[Program]:
        for draft in written:
            waiting.append(draft)
            if isinstance(draft[1], Exercise):
                yield Program(draft[1].program, draft[1].tests)

    for verdict in sandbox.run(programs()):
        while not isinstance(waiting[0][1], Exercise):
            yield waiting.popleft(), None
        yield waiting.popleft(), verdict
    while waiting:
        yield waiting.popleft(), None


def _declined(blueprint: Blueprint, why: Rejection) -> RejectedExercise:
    return {
        "blueprint": blueprint.key,
        "request_id": why.request_id,
        "reason": why.reason,
        "detail": why.detail,
    }


def _row(exercise: Exercise, verdict: Verdict) -> ExerciseRow:
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
