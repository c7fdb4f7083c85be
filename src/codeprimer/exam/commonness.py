"""Finds wordings so common that training texts would share them by chance.

Reads the curriculum. Key idea: a sample of ordinary exercises is drawn, and a problem whose docstring shares a 13-gram with
an exercise in the sample is rejected. Otherwise, checking training data against the exam would remove innocent texts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from random import Random

from codeprimer.analysis.ngrams import gram_hashes, words
from codeprimer.analysis.prose import GRAM_WORDS, SHORTEST_PROSE
from codeprimer.authors.offline.compose import compose, specification
from codeprimer.curriculum.blueprints import Exercise
from codeprimer.curriculum.catalogue import canonical
from codeprimer.curriculum.heldout import pieces
from codeprimer.curriculum.sampler import balanced_blueprints

SAMPLE = 2_000
"""Number of exercises in the sample."""


class CommonWordings:
    """The n-grams in a sample of exercises, and the compositions from which they come."""

    def __init__(self, random: Random, sample: int = SAMPLE) -> None:
        self._found: defaultdict[int, list[tuple[str, ...]]] = defaultdict(list)
        for blueprint in islice(balanced_blueprints(random), sample):
            exercise = compose(blueprint)
            assert exercise is not None
            for gram in _grams(exercise, range(SHORTEST_PROSE, GRAM_WORDS + 1)):
                self._found[gram].append(blueprint.operations)

    def include(self, problem: Exercise) -> bool:
        """Return whether an exercise with a different composition shares a problem's wording.

        Exercises that contain the problem's own composition are ignored, because they are never trained on.
        """
        operations = canonical(tuple(problem.blueprint.split(">")[1:]))
        length = min(GRAM_WORDS, len(words(specification(problem))))
        if length < SHORTEST_PROSE:
            return False
        return any(
            operations not in pieces(other)
            for gram in _grams(problem, (length,))
            for other in self._found.get(gram, ())
        )


def _grams(exercise: Exercise, lengths: range | tuple[int, ...]) -> Iterator[int]:
    for hashes in gram_hashes(words(specification(exercise)), lengths).values():
        yield from map(int, hashes)
