"""Textbook sections: prose interleaved with code, for one concept and one audience.

A section is assembled from independent random choices (wording, audience, backdrop, example, order), all drawn from one
seed, so that many sections on one concept differ in substance.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from random import Random

from codeprimer.authors.backdrops import Backdrop
from codeprimer.authors.offline.lessons import lesson_files, lessons
from codeprimer.authors.offline.section_parts import PARTS, Draft, Piece, opening
from codeprimer.core.seeds import derive_seed
from codeprimer.curriculum.audiences import FILE as AUDIENCES_FILE
from codeprimer.curriculum.audiences import audiences
from codeprimer.curriculum.blueprints import Exercise, Section, SectionBlueprint
from codeprimer.curriculum.concepts import CONCEPTS
from codeprimer.curriculum.heldout import HeldOut

ORDERS = (
    ("idea", "show", "work", "care", "check"),
    ("show", "idea", "care", "work", "check"),
    ("idea", "show", "care", "work", "check"),
    ("idea", "work", "show", "care", "check"),
    ("show", "idea", "work", "check", "care"),
)
"""The possible orders of the parts after the opening."""

_ATTEMPTS = 8

_DEFINITION = re.compile(r"^(?:def|class) (\w+)", re.MULTILINE)

_TITLES = ("# $title", "# $title", "# $title: $summary", "# $Summary")


def write_section(blueprint: SectionBlueprint, held_out: HeldOut) -> Section | None:
    """Return the section for a blueprint, or None if every example would be held out.

    Equal arguments give equal sections, in any process. A section that is too long or defines a name twice is rewritten
    with different choices, up to 8 attempts in total.
    """
    section = None
    for attempt in range(_ATTEMPTS):
        section = _write(blueprint, Random(derive_seed(blueprint.seed, attempt)), held_out)
        if section is not None and len(section.text.split()) <= blueprint.words and not _defines_twice(section.text):
            break
    return section


def _defines_twice(text: str) -> bool:
    names = _DEFINITION.findall(text)
    return len(dict.fromkeys(names)) < len(names)


def digest() -> str:
    """Return a digest of the lessons and audiences."""
    content = [path.read_bytes() for path in (*lesson_files(), AUDIENCES_FILE)]
    return hashlib.sha256(b"".join(content)).hexdigest()


def _write(blueprint: SectionBlueprint, random: Random, held_out: HeldOut) -> Section | None:
    backdrop = Backdrop(random)
    concept = CONCEPTS[blueprint.concept]
    summary = concept.summary
    figures = {**backdrop.holes(), "summary": summary, "Summary": summary[0].upper() + summary[1:]}
    draft = Draft(audiences()[blueprint.audience], lessons()[concept.name], random, backdrop, held_out, figures)
    order = random.choice(ORDERS)
    written = {name: write(draft) for name, write in PARTS.items()}
    if not draft.exercises or not all(written.values()):
        return None
    return Section(
        concept=concept.name,
        audience=blueprint.audience,
        blueprint=" + ".join(exercise.blueprint for exercise in draft.exercises),
        concepts=_concepts(concept.name, draft.exercises),
        text=_assemble(draft, [("", opening(draft)), *((name, written[name]) for name in order)], blueprint.words),
    )


def _concepts(name: str, exercises: list[Exercise]) -> tuple[str, ...]:
    practised = {name, *(concept for exercise in exercises for concept in exercise.concepts)}
    return tuple(concept for concept in CONCEPTS if concept in practised)


def _assemble(draft: Draft, parts: list[tuple[str, list[Piece]]], words: int) -> str:
    """Return the text; while it has too many words, drop the most expendable pieces."""
    headings: dict[str, str] = {}
    if draft.random.random() < 0.75:
        named = draft.random.choice(draft.audience.phrases["Headings"]).split(" | ")
        headings = {name: f"## {title}" for name, title in zip(PARTS, named, strict=True)}
    title = draft.fill(draft.random.choice(_TITLES), title=CONCEPTS[draft.lesson.concept].title)
    spares = sorted({piece.spare for _, pieces in parts for piece in pieces})
    wanted = draft.random.randint(3 * words // 4, words)
    while True:
        text = "\n\n".join([title, *_paragraphs(parts, headings, spares[-1])]) + "\n"
        if len(text.split()) <= wanted or len(spares) == 1:
            return text
        spares.pop()


def _paragraphs(parts: list[tuple[str, list[Piece]]], headings: Mapping[str, str], most: int) -> Iterator[str]:
    for name, pieces in parts:
        if name in headings:
            yield headings[name]
        yield from (piece.text for piece in pieces if piece.spare <= most)
