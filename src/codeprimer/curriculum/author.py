"""Who writes textbooks and exercises: the contract of an author, and the one that needs no network.

Reads blueprints. Its one idea: an author is asked for what a blueprint orders and may decline; what it writes is
executed by the stage that asked, whoever the author is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from codeprimer.curriculum.blueprints import Blueprint, Declined, Exercise
from codeprimer.curriculum.compose import compose
from codeprimer.curriculum.heldout import HeldOut
from codeprimer.curriculum.sections import Section, SectionBlueprint, write_section


class Author(Protocol):
    """Writes exercises and sections; registered as an entry point of the group ``codeprimer.authors``.

    One that needs more than blueprints is handed in by the assembly.
    """

    def exercises(self, blueprints: Iterable[Blueprint]) -> Iterator[Exercise | Declined | None]:
        """Yield the exercise that each blueprint orders, or why there is none, in the order of the blueprints.

        Equal blueprints must give equal exercises.
        """
        ...

    def sections(self, blueprints: Iterable[SectionBlueprint], guard: HeldOut) -> Iterator[Section | Declined | None]:
        """Yield the section that each blueprint orders, or why there is none, in the order of the blueprints."""
        ...


COMPARED = 200
"""Texts that a second author is asked for as well, the first ones ordered: enough to tell shares that differ by a tenth."""


class AskingAuthor(Author, Protocol):
    """One who works in the run's own process, with many requests in flight."""

    @property
    def second(self) -> AskingAuthor | None:
        """Another one who is given the first ``COMPARED`` orders too, for comparison only."""
        ...

    def identity(self) -> dict[str, Any]:
        """Return what decides what is written."""
        ...

    def facts(self) -> dict[str, Any]:
        """Return figures for the report."""
        ...

    def estimate_exercises(self, count: int) -> str:
        """Return what so many exercises will take, for people."""
        ...

    def estimate_sections(self, count: int, words: int) -> str:
        """Return what so many sections will take, for people."""
        ...


class OfflineAuthor:
    """Composes everything from the operations' own words, code and meanings."""

    def exercises(self, blueprints: Iterable[Blueprint]) -> Iterator[Exercise | None]:
        """Yield composed exercises; None where no test could tell right from wrong."""
        return map(compose, blueprints)

    def sections(self, blueprints: Iterable[SectionBlueprint], guard: HeldOut) -> Iterator[Section | None]:
        """Yield composed sections; None where every example would be held out."""
        return (write_section(blueprint, guard) for blueprint in blueprints)
