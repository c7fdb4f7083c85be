"""The contract of an author: who writes textbooks and exercises.

Reads blueprints. Its one idea: an author is asked for what a blueprint orders and may decline; what it writes is
executed by the stage that asked, whichever author it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from codeprimer.core.errors import RecipeError
from codeprimer.core.plugins import Plugin
from codeprimer.curriculum.blueprints import Blueprint, Declined, Exercise, Section, SectionBlueprint
from codeprimer.curriculum.heldout import HeldOut

COMPARED = 200
"""Texts that a second author is asked for as well, the first ones ordered: enough to tell shares that differ by a tenth."""


class Author(Plugin):
    """Writes exercises, sections, or both."""

    in_workers: ClassVar[bool] = False
    """True where writing is plain computation without tools: the engine's workers share it, each with an author of its own.
    False where an author keeps many requests in flight by itself."""
    trusted_tests: ClassVar[bool] = False
    """True where the tests of its exercises may share the process of other exercises' tests: they cannot do harm."""

    def exercises(self, blueprints: Iterable[Blueprint]) -> Iterator[Exercise | Declined | None]:
        """Yield the exercise that each blueprint orders, or why there is none, in the order of the blueprints.

        Equal blueprints must give equal exercises.
        """
        del blueprints
        raise RecipeError(f"exercises.author: {self.settings.kind!r} writes no exercises; choose another author")

    def sections(self, blueprints: Iterable[SectionBlueprint], guard: HeldOut) -> Iterator[Section | Declined | None]:
        """Yield the section that each blueprint orders, or why there is none, in the order of the blueprints."""
        del blueprints, guard
        raise RecipeError(f"textbooks.author: {self.settings.kind!r} writes no sections; choose another author")

    @property
    def second(self) -> Author | None:
        """Another author who is given the first ``COMPARED`` orders too, for comparison only."""
        return None

    def facts(self) -> dict[str, Any]:
        """Return figures for the report, once it has written."""
        return {}

    def estimate_exercises(self, count: int) -> str:
        """Return what so many exercises will cost, for people; nothing where they cost nothing."""
        del count
        return ""

    def estimate_sections(self, count: int, words: int) -> str:
        """Return what so many sections of at most ``words`` words will cost, for people; nothing where they cost nothing."""
        del count, words
        return ""
