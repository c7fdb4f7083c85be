"""The author that does not need a network: it composes texts from the wording, code and meaning of each operation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from codeprimer.authors.author import Author
from codeprimer.authors.offline.compose import NO_TESTS, compose
from codeprimer.authors.offline.sections import digest, write_section
from codeprimer.curriculum.blueprints import Blueprint, Exercise, Rejection, Section, SectionBlueprint
from codeprimer.curriculum.heldout import HeldOut

NO_EXAMPLE = Rejection("not_written", "every example would be held out")


class OfflineAuthor(Author):
    """Composes exercises and sections offline."""

    in_workers: ClassVar[bool] = True
    trusted_tests: ClassVar[bool] = True

    @property
    def about(self) -> str:
        """No person and no model writes the texts."""
        return (
            "codeprimer's offline author, which composes them from a concept graph (neither a human nor a language model wrote "
            "them; licence: Apache-2.0)"
        )

    def digest(self) -> str:
        """Return a digest of the lessons and audiences, which are text files stored next to the code."""
        return digest()

    def exercises(self, blueprints: Iterable[Blueprint]) -> Iterator[Exercise | Rejection]:
        """Yield composed exercises."""
        return (compose(blueprint) or NO_TESTS for blueprint in blueprints)

    def sections(self, blueprints: Iterable[SectionBlueprint], held_out: HeldOut) -> Iterator[Section | Rejection]:
        """Yield composed sections."""
        return (write_section(blueprint, held_out) or NO_EXAMPLE for blueprint in blueprints)
