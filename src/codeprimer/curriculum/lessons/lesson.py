"""What a lesson consists of.

Reads nothing. Its one idea: prose and code are templates over one everyday scene. ``$numbers`` may become
``prices`` in a sentence as well as in an identifier, so that a section's words and its code speak of the same things;
``curriculum.scenes`` lists the holes. What code prints is never written here: it is found by running the code.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pitfall:
    """A common mistake and its remedy."""

    mistake: str
    """One or two sentences: what goes wrong, and why."""
    remedy: str
    """One or two sentences: what to do instead."""
    code: str = ""
    """A program that shows it; may be left out."""


@dataclass(frozen=True)
class Lesson:
    """What there is to say about one concept."""

    why: tuple[str, ...]
    """Why it matters, each a variant of one to three sentences."""
    explanations: tuple[str, ...]
    """How it works, each a paragraph that stands alone."""
    picture: str
    """An everyday picture, for somebody who has never programmed."""
    elsewhere: str
    """How other languages do it, for somebody who knows one."""
    practice: str
    """Where it turns up when working with data or files."""
    cost: str
    """What an interviewer asks: cost, edge cases, alternatives."""
    demonstrations: tuple[str, ...]
    """Short programs whose top-level ``print`` calls show results."""
    pitfalls: tuple[Pitfall, ...]
