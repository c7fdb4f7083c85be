"""Choosing the held-out compositions and their problems.

Reads the curriculum. Its one idea: problems are drawn exactly as training exercises are, one per composition, except
that single operations are never asked for and no operation may lose more than a share of its pairs, so each stays well
covered in training.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random

from codeprimer.curriculum.blueprints import Blueprint, Exercise
from codeprimer.curriculum.catalogue import MAKING, OPERATIONS, READING
from codeprimer.curriculum.compose import compose, specification
from codeprimer.curriculum.heldout import pieces
from codeprimer.curriculum.sampler import orders
from codeprimer.exam.commonness import CommonWordings

LENGTHS = (2, 3, 3)
LONGEST_TEXT = 25
"""The longest specification [words]: longer ones meet training texts by chance."""
PAIR_SHARE = 0.2
"""The largest share of an operation's pairs that may be held out."""


class Chooser:
    """Draws problems until there are enough; remembers what was taken."""

    def __init__(self, random: Random, common: CommonWordings, longest_program: int) -> None:
        """Draw with ``random``; no problem with its solution has more than ``longest_program`` characters."""
        self._random = random
        self._common = common
        self._longest_program = longest_program
        self._taken: set[tuple[str, ...]] = set()
        self._pairs: Counter[str] = Counter()

    def problems(self, count: int) -> Iterator[Exercise]:
        """Yield ``count`` problems, each of a composition of its own that no earlier one is or contains."""
        found = 0
        for blueprint in orders(self._random, lengths=LENGTHS):
            if found == count:
                return
            exercise = None if self._refuses(blueprint) else compose(blueprint)
            if exercise is not None and self._asks_well(exercise):
                found += 1
                self._take(blueprint.operations)
                yield exercise

    def _asks_well(self, exercise: Exercise) -> bool:
        return (
            len(exercise.program) <= self._longest_program
            and len(specification(exercise).split()) <= LONGEST_TEXT
            and not self._common.include(exercise)
        )

    def _refuses(self, blueprint: Blueprint) -> bool:
        operations = blueprint.operations
        if any(piece in self._taken for piece in pieces(operations)):
            return True
        return len(operations) == 2 and any(
            self._pairs[name] + 1 > PAIR_SHARE * pair_count(name) for name in operations
        )

    def _take(self, operations: tuple[str, ...]) -> None:
        self._taken.add(operations)
        if len(operations) == 2:
            self._pairs.update(operations)


def pair_count(name: str) -> int:
    """Return how many pairs an operation can be part of."""
    operation = OPERATIONS[name]
    return len(MAKING.get(operation.source, ())) + len(READING.get(operation.target, ()))
