"""The exam and validation compositions, which must never be trained on.

A chain is forbidden if it equals a held-out composition or contains one as consecutive steps. Operations with the same
meaning are treated as equal.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from codeprimer.core.artifact import Artifact
from codeprimer.core.documents import Task
from codeprimer.curriculum.catalogue import canonical

TABLES = ("exam", "validation")
"""The tables of the exam artefact whose compositions are held out."""


@dataclass(frozen=True)
class HeldOut:
    """A set of held-out compositions."""

    chains: frozenset[tuple[str, ...]]
    """The canonical names of each composition's operations, excluding the input type."""

    def __post_init__(self) -> None:
        """Replace operation names with their canonical names."""
        object.__setattr__(self, "chains", frozenset(map(canonical, self.chains)))

    @classmethod
    def of(cls, keys: Iterable[str]) -> HeldOut:
        """Return the compositions with these keys as a held-out set."""
        return cls(frozenset(tuple(key.split(">")[1:]) for key in keys))

    @classmethod
    def by(cls, exam: Artifact) -> HeldOut:
        """Return the compositions in an exam artefact."""
        rows = (row for table in TABLES for row in exam.rows(table, ["blueprint"], Task))
        return cls.of(row["blueprint"] for row in rows if row["blueprint"] is not None)

    def forbids(self, operations: tuple[str, ...]) -> bool:
        """Return whether a chain equals a held-out composition or contains one as consecutive steps."""
        return any(piece in self.chains for piece in pieces(operations))


def pieces(operations: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return all runs of at least two consecutive operations, including the whole chain, as canonical names."""
    names, count = canonical(operations), len(operations)
    return [names[start:end] for start in range(count) for end in range(start + 2, count + 1)]


NOTHING = HeldOut(frozenset())
"""The empty set, which does not forbid any chain."""
