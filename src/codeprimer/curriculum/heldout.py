"""What must never be trained on: whole compositions.

Reads the catalogue. Its one idea: a chain is forbidden when it equals a held-out composition or contains one as
neighbouring steps, whatever stands around it and whichever operation of the same meaning stands in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from codeprimer.curriculum.catalogue import canonical


@dataclass(frozen=True)
class HeldOut:
    """A set of held-out compositions."""

    chains: frozenset[tuple[str, ...]]
    """The operations of each composition by their canonical names; the type at the start does not matter."""

    def __post_init__(self) -> None:
        """Give operations of the same meaning one name."""
        object.__setattr__(self, "chains", frozenset(map(canonical, self.chains)))

    @classmethod
    def of(cls, keys: Iterable[str]) -> HeldOut:
        """Return the guard of compositions given by their keys."""
        return cls(frozenset(tuple(key.split(">")[1:]) for key in keys))

    def forbids(self, operations: tuple[str, ...]) -> bool:
        """Tell whether a chain equals a held-out composition or contains one as neighbouring steps."""
        return any(piece in self.chains for piece in pieces(operations))


def pieces(operations: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return all runs of at least two neighbouring operations, the whole chain included, by their canonical names."""
    names, count = canonical(operations), len(operations)
    return [names[start:end] for start in range(count) for end in range(start + 2, count + 1)]


NOTHING = HeldOut(frozenset())
"""The guard that forbids nothing."""
