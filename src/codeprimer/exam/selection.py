"""Chooses the held-out compositions and their problems.

Reads the curriculum. Key idea: problems are drawn exactly as training exercises are, one per composition, except that
single operations are never used and no operation may lose more than a fixed fraction of its pairs, so each operation stays
well covered in training. Problems that training texts would contain anyway, by name, meaning or chance, are rejected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random

from codeprimer.authors.offline.compose import compose, specification
from codeprimer.curriculum.blueprints import Blueprint, Exercise
from codeprimer.curriculum.catalogue import MAKING, OPERATIONS, READING, canonical
from codeprimer.curriculum.demonstrated import is_demonstrated
from codeprimer.curriculum.heldout import NOTHING, HeldOut, pieces
from codeprimer.curriculum.sampler import balanced_blueprints
from codeprimer.exam.behaviour import shorter_equal
from codeprimer.exam.commonness import CommonWordings

LENGTHS = (2, 3, 3)
LONGEST_TEXT = 25
"""Maximum length of a specification [words]: longer specifications overlap with training texts by chance."""
PAIR_SHARE = 0.2
"""Maximum fraction of an operation's pairs that may be held out."""


class Chooser:
    """Draws problems until there are enough; records which were taken, and why other candidates were rejected."""

    def __init__(self, random: Random, common: CommonWordings, longest_program: int) -> None:
        """Draw with ``random``; no problem together with its solution has more than ``longest_program`` characters."""
        self.refused: Counter[str] = Counter()
        """Number of rejected candidates by reason; a composition that is drawn twice is counted twice."""
        self._random = random
        self._common = common
        self._longest_program = longest_program
        self._taken = NOTHING
        self._inside: set[tuple[str, ...]] = set()
        self._pairs: Counter[str] = Counter()

    def problems(self, count: int) -> Iterator[Exercise]:
        """Yield ``count`` problems; no problem's composition contains another's, including those of earlier calls."""
        found = 0
        for blueprint in balanced_blueprints(self._random, lengths=LENGTHS):
            if found == count:
                return
            reason = self._refusal(blueprint)
            exercise = compose(blueprint) if reason is None else None
            if exercise is not None:
                reason = self._fault(exercise) or self._meaning(blueprint)
            if reason is not None:
                self.refused[reason] += 1
            elif exercise is not None:
                found += 1
                self._take(blueprint.operations)
                yield exercise

    def _refusal(self, blueprint: Blueprint) -> str | None:
        """Return a reason to reject a composition that can be seen from its operations' names."""
        operations = blueprint.operations
        if self._taken.forbids(operations):
            return "contains another problem"
        if canonical(operations) in self._inside:
            return "inside another problem"
        if is_demonstrated(operations):
            return "shown in a lesson"
        few = len(operations) == 2 and any(self._pairs[name] + 1 > PAIR_SHARE * pair_count(name) for name in operations)
        return "too many pairs of one operation" if few else None

    def _fault(self, exercise: Exercise) -> str | None:
        """Return a reason to reject a problem that can be seen from its text."""
        if len(exercise.program) > self._longest_program or len(specification(exercise).split()) > LONGEST_TEXT:
            return "too long"
        return "common wording" if self._common.include(exercise) else None

    def _meaning(self, blueprint: Blueprint) -> str | None:
        return "means the same as a shorter chain" if shorter_equal(blueprint, self._taken) else None

    def _take(self, operations: tuple[str, ...]) -> None:
        self._taken = HeldOut(self._taken.chains | {operations})
        self._inside.update(pieces(operations))
        if len(operations) == 2:
            self._pairs.update(operations)


def pair_count(name: str) -> int:
    """Return how many pairs an operation can be part of."""
    operation = OPERATIONS[name]
    return len(MAKING.get(operation.source, ())) + len(READING.get(operation.target, ()))
