"""The author that needs no network: it composes everything from the operations' own words, code and meanings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from codeprimer.authors.author import Author
from codeprimer.authors.offline.compose import compose
from codeprimer.authors.offline.sections import digest, write_section
from codeprimer.curriculum.blueprints import Blueprint, Exercise, Section, SectionBlueprint
from codeprimer.curriculum.heldout import HeldOut


class OfflineAuthor(Author):
    """Composes exercises and sections."""

    in_workers: ClassVar[bool] = True
    trusted_tests: ClassVar[bool] = True

    def digest(self) -> str:
        """Return a digest of the lessons, which are text files beside the code."""
        return digest()

    def exercises(self, blueprints: Iterable[Blueprint]) -> Iterator[Exercise | None]:
        """Yield composed exercises; None where no test could tell right from wrong."""
        return map(compose, blueprints)

    def sections(self, blueprints: Iterable[SectionBlueprint], guard: HeldOut) -> Iterator[Section | None]:
        """Yield composed sections; None where every example would be held out."""
        return (write_section(blueprint, guard) for blueprint in blueprints)
