"""Which section is about what, and for whom.

Reads the concept graph. Its one idea: the plan is a function of a section's number alone, so any unit can work out
its own part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codeprimer.curriculum.concepts import CONCEPTS

_NAMES = tuple(CONCEPTS)


@dataclass(frozen=True)
class Order:
    """One section to be written."""

    number: int
    """Its place among all sections, from 0; the order is that of the curriculum."""
    concept: str
    audience: str


def order_for(number: int, sections: int, audiences: Sequence[str]) -> Order:
    """Return what section ``number`` of ``sections`` is about; concepts get equally many, audiences take turns."""
    return Order(number, _NAMES[number * len(_NAMES) // sections], audiences[number % len(audiences)])


def left_out(sections: int) -> list[str]:
    """Return the concepts that so few sections cannot cover, in curriculum order."""
    covered = {order_for(number, sections, ("anybody",)).concept for number in range(sections)}
    return [name for name in _NAMES if name not in covered]
