"""The lessons: what there is to say about every concept, in Markdown beside this module.

Reads ``lessons/*.md``. Its one idea: prose and code are templates over one everyday backdrop. ``$numbers`` may become
``prices`` in a sentence as well as in an identifier, so that a section's words and its code speak of the same things;
``curriculum.backdrops`` lists the holes. What a program prints is never written in a lesson: it is found by running
the program.
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
    """A program that shows it; empty where there is none."""


@dataclass(frozen=True)
class Lesson:
    """What there is to say about one concept; prose on single lines, programs as they are."""

    concept: str
    why: tuple[str, ...]
    """Why it matters: variants of one to three sentences."""
    how: tuple[str, ...]
    """How it works: paragraphs, each of which can stand alone; the first is the explanation, the rest deepen it."""
    picture: str
    """An everyday picture, for somebody who has never programmed."""
    elsewhere: str
    """How other languages do it, for somebody who knows one."""
    practice: str
    """Where it turns up when working with data and files."""
    cost: str
    """What an interviewer asks: cost, edge cases, alternatives."""
    demonstrations: tuple[str, ...]
    """Short programs whose top-level ``print`` calls show results."""
    pitfalls: tuple[Pitfall, ...]


@cache
def lessons() -> Mapping[str, Lesson]:
    """Return the lesson of every concept."""
    found: dict[str, Lesson] = {}
    for path in lesson_files():
        for lesson in read_lessons(path.read_text(encoding="utf-8")):
            assert lesson.concept not in found, f"{path.name}: {lesson.concept} has a lesson already"
            found[lesson.concept] = lesson
    return MappingProxyType(found)


def lesson_files() -> list[Path]:
    """Return the files in curriculum order."""
    return sorted(FOLDER.glob("*.md"))


def read_lessons(text: str) -> Iterator[Lesson]:
    """Yield the lessons of a file: ``# concept``, then ``## Why``, ``## How`` and so on; ``## Pitfall`` repeats."""
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
