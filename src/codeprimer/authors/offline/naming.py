"""Names for functions, parameters and variables: natural and varied, from a small vocabulary, without clashes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from codeprimer.curriculum.operation import Operation
from codeprimer.curriculum.values import TYPES

_VERBS = ("get", "find", "compute", "make")

PLAIN_PROBABILITY = 0.85
"""The probability that all intermediate results are named ``result``."""


@dataclass(frozen=True)
class Names:
    """The names in one exercise."""

    function: str
    parameter: str
    element: str
    """The loop variable for elements other than words and characters."""
    word: str
    """The loop variable for words."""
    character: str
    class_name: str
    plain: bool = False
    """Whether all results are named ``result``; otherwise each has a descriptive name."""


def draw_names(source: str, operations: Sequence[Operation], random: Random) -> Names:
    """Return names for a composition with an input of type ``source``."""
    kind = TYPES[source]
    return Names(
        function=function_name(operations, random),
        parameter=random.choice(kind.parameters),
        element=random.choice(TYPES["integers"].elements),
        word=random.choice(TYPES["words"].elements),
        character=random.choice(TYPES["text"].elements),
        class_name=random.choice(kind.classes) if kind.classes else "",
        plain=random.random() < PLAIN_PROBABILITY,
    )


def function_name(operations: Sequence[Operation], random: Random) -> str:
    """Return a name built from the result of the last operation and possibly that of an earlier operation."""
    last = operations[-1].noun
    if last.startswith(("is_", "has_", "any_", "all_")):
        if len(operations) > 1:
            return f"{last}_{_other(operations, random)}"
        return last if random.random() < 0.5 else f"check_{last.partition('_')[2]}"
    if len(operations) == 1 or random.random() < 0.5:
        return f"{random.choice(_VERBS)}_{last}"
    return f"{last}_{random.choice(('of', 'from'))}_{_other(operations, random)}"


def _other(operations: Sequence[Operation], random: Random) -> str:
    return random.choice(operations[:-1]).noun
