"""The lessons: the prose and the programs for every concept, in Markdown files next to this module.

Prose and code are templates filled from the same backdrop: ``$numbers`` may become ``prices`` in a sentence and in an
identifier; ``authors.backdrops`` lists the holes. A lesson never contains a program's output, which
is obtained by running the program.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from codeprimer.curriculum.markdown import blocks, parts

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Pitfall:
    """A common mistake and its remedy."""

    mistake: str
    """What goes wrong, and why."""
    remedy: str
    """What to do instead."""
    code: str = ""
    """A program that shows the mistake; empty if there is none."""


@dataclass(frozen=True)
class Lesson:
    """The material for one concept; each paragraph is a single line."""

    concept: str
    why: tuple[str, ...]
    """Why the concept matters: variants of one to three sentences."""
    how: tuple[str, ...]
    """How it works: self-contained paragraphs. The first explains the concept; the others go deeper."""
    picture: str
    """An everyday analogy, for readers who have never programmed."""
    elsewhere: str
    """How other languages do it, for readers who know another language."""
    practice: str
    """How it is used when working with data and files."""
    cost: str
    """Interview questions: cost, edge cases, alternatives."""
    demonstrations: tuple[str, ...]
    """Short programs whose top-level ``print`` calls show results."""
    pitfalls: tuple[Pitfall, ...]


@cache
def lessons() -> Mapping[str, Lesson]:
    """Return the lesson for every concept."""
    found: dict[str, Lesson] = {}
    for path in lesson_files():
        for lesson in read_lessons(path.read_text(encoding="utf-8")):
            assert lesson.concept not in found, f"{path.name}: {lesson.concept} already has a lesson"
            found[lesson.concept] = lesson
    return MappingProxyType(found)


def lesson_files() -> list[Path]:
    """Return the files in curriculum order."""
    return sorted(FOLDER.glob("*.md"))


def read_lessons(text: str) -> Iterator[Lesson]:
    """Yield the lessons in a file: ``# concept``, then ``## Why``, ``## How`` and so on; ``## Pitfall`` can be repeated."""
    for name, body in parts(text, "# "):
        pieces: dict[str, list[list[str]]] = {}
        for heading, content in parts(body, "## "):
            pieces.setdefault(heading, []).append(blocks(content))
        yield _lesson(name, pieces)


def _lesson(name: str, pieces: Mapping[str, list[list[str]]]) -> Lesson:
    def one(heading: str) -> list[str]:
        assert len(pieces.get(heading, ())) == 1, f"{name}: exactly one {heading!r} is needed"
        return pieces[heading][0]

    assert set(pieces) == {"Why", "How", "Picture", "Elsewhere", "Practice", "Cost", "Show", "Pitfall"}, name
    return Lesson(
        concept=name,
        why=tuple(one("Why")),
        how=tuple(one("How")),
        picture=" ".join(one("Picture")),
        elsewhere=" ".join(one("Elsewhere")),
        practice=" ".join(one("Practice")),
        cost=" ".join(one("Cost")),
        demonstrations=tuple(one("Show")),
        pitfalls=tuple(Pitfall(*pitfall) for pitfall in pieces["Pitfall"]),
    )
