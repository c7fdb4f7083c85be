"""Textbook sections: prose interleaved with code, for one concept and one audience.

Reads lessons, audiences, backdrops and composed exercises. Its one idea: a section is assembled from independent
choices (what to say, to whom, about which things, with which example, in which order), all of them drawn from one
seed, so that many sections on one concept are each worth reading.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from string import Template

from codeprimer.core.seeds import derive_seed
from codeprimer.curriculum.audiences import FILE as AUDIENCES_FILE
from codeprimer.curriculum.audiences import Audience, audiences
from codeprimer.curriculum.backdrops import Backdrop
from codeprimer.curriculum.blueprints import Exercise
from codeprimer.curriculum.concepts import CONCEPTS
from codeprimer.curriculum.heldout import HeldOut
from codeprimer.curriculum.lessons import Lesson, lesson_files, lessons
from codeprimer.curriculum.markdown import fenced
from codeprimer.curriculum.practice import exercise_for
from codeprimer.curriculum.showing import show_output
from codeprimer.curriculum.worked import (
    assertion,
    choose_example,
    remark_on_style,
    signature,
    specification,
    trace,
    walk_through,
)

ORDERS = (
    ("idea", "show", "work", "care", "check"),
    ("show", "idea", "care", "work", "check"),
    ("idea", "show", "care", "work", "check"),
    ("idea", "work", "show", "care", "check"),
    ("show", "idea", "work", "check", "care"),
)
"""In which order the parts may come, after the opening."""

_ATTEMPTS = 8

_DEFINITION = re.compile(r"^(?:def|class) (\w+)", re.MULTILINE)

_TITLES = ("# $title", "# $title", "# $title: $summary", "# $Summary")

HEADED = ("idea", "show", "work", "care", "check")
"""The parts in the order in which an audience names its headings."""


@dataclass(frozen=True)
class SectionBlueprint:
    """The order for one section; equal blueprints give equal sections."""

    concept: str
    audience: str
    seed: int
    words: int = 450
    """The most words that are wanted; what can be left out is left out to stay below."""


@dataclass(frozen=True)
class Section:
    """A section of a textbook."""

    concept: str
    audience: str
    blueprint: str
    """The compositions in it, joined by " + "."""
    concepts: tuple[str, ...]
    """Every concept that occurs in it, in curriculum order."""
    text: str


@dataclass
class _Draft:
    """A section that is being written."""

    audience: Audience
    lesson: Lesson
    random: Random
    backdrop: Backdrop
    guard: HeldOut
    figures: Mapping[str, str]
    exercises: list[Exercise] = field(default_factory=list)
    shown: str = ""
    """The call that the worked example follows."""

    def say(self, bank: str, **holes: str) -> str:
        """Return a phrase of the audience with its holes filled."""
        return self.fill(self.random.choice(self.audience.phrases[bank]), **holes)

    def fill(self, template: str, **holes: str) -> str:
        """Return prose with its holes filled."""
        return Template(template).substitute(self.figures, **holes)

    def program(self, template: str) -> str:
        """Return a program with new figures and what it prints, as a block."""
        return fenced(show_output(Template(template).substitute(self.backdrop.holes())))

    def exercise(self) -> Exercise | None:
        """Return an exercise on the concept unlike the others of this section, in name and in composition."""
        taken = {name for other in self.exercises for name in (other.entry_point, other.blueprint)}
        for _ in range(5):
            exercise = exercise_for(self.lesson.concept, self.random, self.guard)
            if exercise is not None and not taken & {exercise.entry_point, exercise.blueprint}:
                self.exercises.append(exercise)
                return exercise
        return None


@dataclass(frozen=True)
class _Piece:
    """A paragraph or block; the higher ``spare``, the sooner it is left out of a section that is too long."""

    text: str
    spare: int = 0


def write_section(blueprint: SectionBlueprint, guard: HeldOut) -> Section | None:
    """Return the section that a blueprint orders, or None where every example would be one that is held out.

    Equal blueprints and guards give equal sections, in any process. A section that comes out too long is written
    again with other choices, a few times, and so is one that defines the same name twice.
    """
    section = None
    for attempt in range(_ATTEMPTS):
        section = _write(blueprint, Random(derive_seed(blueprint.seed, attempt)), guard)
        if section is not None and len(section.text.split()) <= blueprint.words and not _defines_twice(section.text):
            break
    return section


def _defines_twice(text: str) -> bool:
    names = _DEFINITION.findall(text)
    return len(dict.fromkeys(names)) < len(names)


def digest() -> str:
    """Return a digest of all texts that sections are made from: a section is stale when they change."""
    content = [path.read_bytes() for path in (*lesson_files(), AUDIENCES_FILE)]
    return hashlib.sha256(b"".join(content)).hexdigest()


def _write(blueprint: SectionBlueprint, random: Random, guard: HeldOut) -> Section | None:
    backdrop = Backdrop(random)
    concept = CONCEPTS[blueprint.concept]
    summary = concept.summary
    figures = {**backdrop.holes(), "summary": summary, "Summary": summary[0].upper() + summary[1:]}
    draft = _Draft(audiences()[blueprint.audience], lessons()[concept.name], random, backdrop, guard, figures)
    order = random.choice(ORDERS)
    written = {name: _PARTS[name](draft) for name in HEADED}
    if not draft.exercises or not all(written.values()):
        return None
    return Section(
        concept=concept.name,
        audience=blueprint.audience,
        blueprint=" + ".join(exercise.blueprint for exercise in draft.exercises),
        concepts=_concepts(concept.name, draft.exercises),
        text=_assemble(draft, [_opening(draft), *((name, written[name]) for name in order)], blueprint.words),
    )


def _concepts(name: str, exercises: list[Exercise]) -> tuple[str, ...]:
    practised = {name, *(concept for exercise in exercises for concept in exercise.concepts)}
    return tuple(concept for concept in CONCEPTS if concept in practised)


def _opening(draft: _Draft) -> tuple[str, list[_Piece]]:
    opening = draft.say("Opening")
    why = draft.fill(draft.random.choice(draft.lesson.why))
    pieces = [_Piece(f"{opening} {why}" if draft.random.random() < 0.7 else f"{why} {opening}")]
    before = CONCEPTS[draft.lesson.concept].prerequisites
    if before:
        titles = [f'"{CONCEPTS[name].title}"' for name in before]
        listed = ", ".join(titles[:-1]) + (" and " if titles[1:] else "") + titles[-1]
        pieces.append(_Piece(draft.say("Before", before=listed)))
    return "", pieces


def _idea(draft: _Draft) -> list[_Piece]:
    first, *rest = draft.lesson.how
    aside = draft.fill(getattr(draft.lesson, draft.audience.aside))
    if draft.random.random() < 0.5:
        aside = f"{draft.say('Aside lead')} {aside}"
    pieces = [_Piece(draft.fill(first)), *(_Piece(draft.fill(text), 3) for text in rest)]
    place = 0 if draft.audience.aside == "picture" and draft.random.random() < 0.5 else len(pieces)
    pieces.insert(place, _Piece(aside, 1))
    return pieces


def _show(draft: _Draft) -> list[_Piece]:
    template = draft.random.choice(draft.lesson.demonstrations)
    about = _about(template)
    bank = "Example about" if about and draft.random.random() < 0.7 else "Example"
    return [_Piece(draft.say(bank, about=draft.figures.get(about, ""))), _Piece(draft.program(template))]


def _about(template: str) -> str:
    """Return the hole that says in words what a program is about, or nothing."""
    for hole, mark in (("numbers_of", "$numbers"), ("words_of", "$words"), ("table_of", "$table")):
        if mark in template:
            return hole
    return ""


def _work(draft: _Draft) -> list[_Piece]:
    exercise = draft.exercise()
    if exercise is None:
        return []
    example = choose_example(exercise, draft.random)
    draft.shown = example[0]
    steps = walk_through(exercise, example, draft.random)
    task = draft.say("Worked", **_task(exercise))
    remark = remark_on_style(exercise, draft.random)
    program = f"{exercise.program}\n\nprint({example[0]})\n"
    return [
        _Piece(task),
        _Piece(steps if draft.random.random() < 0.4 else f"{draft.say('Steps')} {steps}"),
        _Piece(f"{remark} {draft.say('Together')}".strip()),
        _Piece(fenced(show_output(program))),
    ]


def _task(exercise: Exercise) -> dict[str, str]:
    called = signature(exercise)
    return {
        "signature": f"`{called}`",
        "kind": "method" if "." in called else "function",
        "spec": specification(exercise),
    }


def _care(draft: _Draft) -> list[_Piece]:
    pitfall = draft.random.choice(draft.lesson.pitfalls)
    text = f"{draft.fill(pitfall.mistake)} {draft.fill(pitfall.remedy)}"
    if draft.random.random() < 0.5:
        text = f"{draft.say('Mistake')} {text}"
    return [_Piece(text), *([_Piece(draft.program(pitfall.code), 2)] if pitfall.code else [])]


def _check(draft: _Draft) -> list[_Piece]:
    if not draft.exercises:
        return []
    kind = draft.random.choice((_asserts, _predict, _another))
    pieces = kind(draft) or _asserts(draft)
    if draft.random.random() < 0.4:
        pieces.append(_Piece(draft.say("Closing"), 4))
    return pieces


def _asserts(draft: _Draft) -> list[_Piece]:
    return [_Piece(draft.say("Asserts")), _Piece(fenced(_some_assertions(draft, draft.exercises[0])))]


def _predict(draft: _Draft) -> list[_Piece]:
    exercise = draft.exercises[0]
    call, result = choose_example(exercise, draft.random, draft.shown)
    question = f"{draft.say('Predict', call=f'`{call}`')} {trace(exercise, (call, result))}"
    return [_Piece(question), _Piece(fenced(assertion((call, result))))]


def _some_assertions(draft: _Draft, exercise: Exercise) -> str:
    chosen = sorted(draft.random.sample(range(len(exercise.examples)), draft.random.choice((2, 3))))
    return "\n".join(assertion(exercise.examples[index]) for index in chosen)


def _another(draft: _Draft) -> list[_Piece]:
    exercise = draft.exercise()
    if exercise is None:
        return []
    task = draft.say("Exercise", **_task(exercise))
    program = f"{exercise.program}\n\n{_some_assertions(draft, exercise)}"
    return [_Piece(task), _Piece(draft.say("Answer")), _Piece(fenced(program))]


_PARTS: Mapping[str, Callable[[_Draft], list[_Piece]]] = {
    "idea": _idea,
    "show": _show,
    "work": _work,
    "care": _care,
    "check": _check,
}


def _assemble(draft: _Draft, parts: list[tuple[str, list[_Piece]]], words: int) -> str:
    """Return the text; while it has too many words, what can best be spared is left out."""
    headings: dict[str, str] = {}
    if draft.random.random() < 0.75:
        named = draft.random.choice(draft.audience.phrases["Headings"]).split(" | ")
        headings = {name: f"## {title}" for name, title in zip(HEADED, named, strict=True)}
    title = draft.fill(draft.random.choice(_TITLES), title=CONCEPTS[draft.lesson.concept].title)
    spares = sorted({piece.spare for _, pieces in parts for piece in pieces})
    wanted = draft.random.randint(3 * words // 4, words)
    while True:
        text = "\n\n".join([title, *_paragraphs(parts, headings, spares[-1])]) + "\n"
        if len(text.split()) <= wanted or len(spares) == 1:
            return text
        spares.pop()


def _paragraphs(parts: list[tuple[str, list[_Piece]]], headings: Mapping[str, str], most: int) -> Iterator[str]:
    for name, pieces in parts:
        if name in headings:
            yield headings[name]
        yield from (piece.text for piece in pieces if piece.spare <= most)
