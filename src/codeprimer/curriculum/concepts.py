"""The concept graph: the concepts that are taught, and their prerequisites.

``CONCEPTS`` is in curriculum order: each concept comes after its prerequisites. The lessons are in
``authors.offline.lessons``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType


@dataclass(frozen=True)
class Concept:
    """A concept of the curriculum."""

    name: str
    """Its name in operations, exercises and sections."""
    title: str
    prerequisites: tuple[str, ...]
    """Its direct prerequisites."""
    summary: str
    """A gerund phrase, such as ``keeping only the items that pass a test``."""


_GRAPH = Path(__file__).with_suffix(".txt")
"""In this file, each area has one line, followed by two lines per concept: ``name < prerequisites`` and ``Title: summary``."""


def _read(graph: str) -> Iterator[Concept]:
    lines = [line.strip() for line in graph.splitlines() if line.startswith(" ")]
    for head, text in zip(lines[::2], lines[1::2], strict=True):
        name, _, prerequisites = head.partition(" <")
        title, _, summary = text.partition(": ")
        yield Concept(name, title, tuple(prerequisites.split()), summary)


def check_graph(concepts: Iterable[Concept]) -> None:
    """Raise ValueError unless names are unique and every prerequisite is an earlier concept.

    Such a graph does not contain cycles.
    """
    seen: set[str] = set()
    for concept in concepts:
        if concept.name in seen:
            raise ValueError(f"concept {concept.name!r} is defined twice")
        for prerequisite in concept.prerequisites:
            if prerequisite not in seen:
                raise ValueError(f"{concept.name!r} requires {prerequisite!r}, which is not an earlier concept")
        seen.add(concept.name)


_ORDERED = tuple(_read(_GRAPH.read_text(encoding="utf-8")))
check_graph(_ORDERED)

CONCEPTS: Mapping[str, Concept] = MappingProxyType({concept.name: concept for concept in _ORDERED})
"""All concepts by name, in curriculum order."""

_POSITIONS = {name: position for position, name in enumerate(CONCEPTS)}


def position_of(name: str) -> int:
    """Return a concept's place in the curriculum, from 0."""
    return _POSITIONS[name]
