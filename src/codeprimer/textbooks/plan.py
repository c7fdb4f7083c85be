"""The concept and audience of each section, which depend only on the section's number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codeprimer.curriculum.audiences import AUDIENCES
from codeprimer.curriculum.concepts import CONCEPTS

_NAMES = tuple(CONCEPTS)


@dataclass(frozen=True)
class SectionRequest:
    """A section to be written."""

    number: int
    """The section's position among all sections, from 0, in curriculum order."""
    concept: str
    audience: str


def request_for(number: int, sections: int, audiences: Sequence[str] = AUDIENCES) -> SectionRequest:
    """Return the request for section ``number`` of ``sections``; concepts are covered evenly, and audiences alternate."""
    return SectionRequest(number, _NAMES[number * len(_NAMES) // sections], audiences[number % len(audiences)])


def missing_concepts(sections: int) -> list[str]:
    """Return the concepts that have no section, in curriculum order."""
    covered = {request_for(number, sections).concept for number in range(sections)}
    return [name for name in _NAMES if name not in covered]
