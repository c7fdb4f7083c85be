"""The audiences for sections, from ``audiences.md``; each has its own phrases, tone and kind of remark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from codeprimer.curriculum.markdown import blocks, parts

FILE = Path(__file__).with_name("audiences.md")

ASIDES = ("picture", "elsewhere", "practice", "cost")
"""The kinds of remark in a lesson; each audience gets one kind."""

BANKS = (
    "Headings",
    "Opening",
    "Before",
    "Aside lead",
    "Example",
    "Example about",
    "Worked",
    "Steps",
    "Together",
    "Mistake",
    "Asserts",
    "Predict",
    "Exercise",
    "Answer",
    "Closing",
)
"""The places in a section that need a phrase; phrases are templates, filled in ``authors.offline.section_parts``."""

AUDIENCES = ("beginner", "pupil", "switcher", "analyst", "candidate", "scripter")
"""The names of all audiences."""


@dataclass(frozen=True)
class Audience:
    """A kind of reader."""

    name: str
    described: str
    """A noun phrase that describes the reader."""
    aside: str
    """The kind of remark that suits this reader, one of ``ASIDES``."""
    phrases: Mapping[str, tuple[str, ...]]
    """The phrases for each of ``BANKS``."""


@cache
def audiences() -> Mapping[str, Audience]:
    """Return all audiences by name."""
    found = {name: _audience(name, body) for name, body in parts(FILE.read_text(encoding="utf-8"), "# ")}
    assert tuple(found) == AUDIENCES, "audiences.md and AUDIENCES differ"
    return MappingProxyType(found)


def _audience(name: str, body: str) -> Audience:
    pieces = {heading: tuple(blocks(content)) for heading, content in parts(body, "## ")}
    assert set(pieces) == {"Described", "Aside", *BANKS}, f"{name}: {set(pieces) ^ {'Described', 'Aside', *BANKS}}"
    described, aside = pieces["Described"][0], pieces["Aside"][0]
    assert aside in ASIDES, f"{name}: {aside}"
    return Audience(name, described, aside, MappingProxyType({bank: pieces[bank] for bank in BANKS}))
