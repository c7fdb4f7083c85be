"""The author interface: an author is a plug-in that writes textbook sections, exercises, or both, from blueprints.

The calling stage executes everything that an author writes and keeps only the texts that pass its checks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from codeprimer.core.plugins import Plugin, PluginSettings, load
from codeprimer.curriculum.blueprints import Blueprint, Exercise, Rejection, Section, SectionBlueprint
from codeprimer.curriculum.heldout import HeldOut


class Author(Plugin):
    """Writes exercises, sections, or both: a subclass overrides ``exercises``, ``sections`` or both.

    An author must yield one text or one Rejection per blueprint, in blueprint order.
    """

    role: ClassVar[str] = "author"
    trusted_tests: ClassVar[bool] = False
    """True if the author's tests are known to be harmless: several exercises may then share a judge process."""

    def exercises(self, blueprints: Iterable[Blueprint]) -> Iterator[Exercise | Rejection]:
        """Yield an exercise or a Rejection per blueprint; equal blueprints must give equal exercises."""
        raise NotImplementedError

    def sections(self, blueprints: Iterable[SectionBlueprint], held_out: HeldOut) -> Iterator[Section | Rejection]:
        """Yield a section or a Rejection per blueprint; no section may contain a held-out composition."""
        raise NotImplementedError

    @property
    def about(self) -> str:
        """Who writes the texts and under which licence, for the report and the data set's card: "... were written by ..."."""
        return f"the author {self.settings.kind}"

    @property
    def second(self) -> Author | None:
        """A second author, which also writes texts for the first blueprints, for comparison only; None if there is none."""
        return None

    def facts(self) -> dict[str, Any]:
        """Return figures for the report; called after writing."""
        return {}

    def estimate_exercises(self, count: int) -> str:
        """Return a human-readable cost estimate for ``count`` exercises; empty if free of charge."""
        del count
        return ""

    def estimate_sections(self, count: int, words: int) -> str:
        """Return a human-readable cost estimate for ``count`` sections of at most ``words`` words; empty if free of charge."""
        del count, words
        return ""


def cannot_write(texts: str, settings: PluginSettings, key: str) -> Iterator[str]:
    """Yield a sentence if the author selected under a recipe's ``key`` does not write ``texts`` ("exercises" or "sections")."""
    found = load("author", settings.kind)
    if getattr(found, texts) is getattr(Author, texts):
        yield f"{key}: {settings.kind!r} does not write {texts}; choose a different author"
