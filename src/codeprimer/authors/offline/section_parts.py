"""The parts of a textbook section, each written independently.

A part is a list of pieces, each marked with how expendable it is, so that the finished section can be shortened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from string import Template

from codeprimer.authors.backdrops import Backdrop
from codeprimer.authors.offline.compose import specification
from codeprimer.authors.offline.lessons import Lesson
from codeprimer.authors.offline.practice import exercise_for
from codeprimer.authors.offline.showing import show_output
from codeprimer.authors.offline.worked import (
    assertion,
    choose_example,
    remark_on_style,
    signature,
    trace,
    walk_through,
)
from codeprimer.curriculum.audiences import Audience
from codeprimer.curriculum.blueprints import Exercise
from codeprimer.curriculum.concepts import CONCEPTS
from codeprimer.curriculum.heldout import HeldOut
from codeprimer.curriculum.markdown import fenced


@dataclass
class Draft:
    """A section in progress."""

    audience: Audience
    lesson: Lesson
    random: Random
    backdrop: Backdrop
    held_out: HeldOut
    figures: Mapping[str, str]
    exercises: list[Exercise] = field(default_factory=list)
    shown: str = ""
    """The call that the worked example walks through."""

    def say(self, bank: str, **holes: str) -> str:
        """Return one of the audience's phrases with its holes filled."""
        return self.fill(self.random.choice(self.audience.phrases[bank]), **holes)

    def fill(self, template: str, **holes: str) -> str:
        """Return prose with its holes filled."""
        return Template(template).substitute(self.figures, **holes)

    def program(self, template: str) -> str:
        """Return a code block with a program, filled with new numbers, and its output as comments."""
        return fenced(show_output(Template(template).substitute(self.backdrop.holes())))

    def exercise(self) -> Exercise | None:
        """Return an exercise on the concept with a name and a composition that are new in this section, or None."""
        taken = {name for other in self.exercises for name in (other.entry_point, other.blueprint)}
        for _ in range(5):
            exercise = exercise_for(self.lesson.concept, self.random, self.held_out)
            if exercise is not None and not taken & {exercise.entry_point, exercise.blueprint}:
                self.exercises.append(exercise)
                return exercise
        return None


@dataclass(frozen=True)
class Piece:
    """A paragraph or code block; if a section is too long, the pieces with the highest ``spare`` are dropped first."""

    text: str
    spare: int = 0


def opening(draft: Draft) -> list[Piece]:
    """Return the opening of a section: a greeting, why the concept matters, its prerequisites."""
    hello = draft.say("Opening")
    why = draft.fill(draft.random.choice(draft.lesson.why))
    pieces = [Piece(f"{hello} {why}" if draft.random.random() < 0.7 else f"{why} {hello}")]
    before = CONCEPTS[draft.lesson.concept].prerequisites
    if before:
        titles = [f'"{CONCEPTS[name].title}"' for name in before]
        listed = ", ".join(titles[:-1]) + (" and " if titles[1:] else "") + titles[-1]
        pieces.append(Piece(draft.say("Before", before=listed)))
    return pieces


def _idea(draft: Draft) -> list[Piece]:
    first, *rest = draft.lesson.how
    aside = draft.fill(getattr(draft.lesson, draft.audience.aside))
    if draft.random.random() < 0.5:
        aside = f"{draft.say('Aside lead')} {aside}"
    pieces = [Piece(draft.fill(first)), *(Piece(draft.fill(text), 3) for text in rest)]
    place = 0 if draft.audience.aside == "picture" and draft.random.random() < 0.5 else len(pieces)
    pieces.insert(place, Piece(aside, 1))
    return pieces


def _show(draft: Draft) -> list[Piece]:
    template = draft.random.choice(draft.lesson.demonstrations)
    about = _about(template)
    bank = "Example about" if about and draft.random.random() < 0.7 else "Example"
    return [Piece(draft.say(bank, about=draft.figures.get(about, ""))), Piece(draft.program(template))]


def _about(template: str) -> str:
    """Return the hole that describes what a program is about; empty if there is none."""
    for hole, mark in (("numbers_of", "$numbers"), ("words_of", "$words"), ("table_of", "$table")):
        if mark in template:
            return hole
    return ""


def _work(draft: Draft) -> list[Piece]:
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
        Piece(task),
        Piece(steps if draft.random.random() < 0.4 else f"{draft.say('Steps')} {steps}"),
        Piece(f"{remark} {draft.say('Together')}".strip()),
        Piece(fenced(show_output(program))),
    ]


def _task(exercise: Exercise) -> dict[str, str]:
    called = signature(exercise)
    return {
        "signature": f"`{called}`",
        "kind": "method" if "." in called else "function",
        "spec": specification(exercise),
    }


def _care(draft: Draft) -> list[Piece]:
    pitfall = draft.random.choice(draft.lesson.pitfalls)
    text = f"{draft.fill(pitfall.mistake)} {draft.fill(pitfall.remedy)}"
    if draft.random.random() < 0.5:
        text = f"{draft.say('Mistake')} {text}"
    return [Piece(text), *([Piece(draft.program(pitfall.code), 2)] if pitfall.code else [])]


def _check(draft: Draft) -> list[Piece]:
    if not draft.exercises:
        return []
    kind = draft.random.choice((_asserts, _predict, _another))
    pieces = kind(draft) or _asserts(draft)
    if draft.random.random() < 0.4:
        pieces.append(Piece(draft.say("Closing"), 4))
    return pieces


def _asserts(draft: Draft) -> list[Piece]:
    return [Piece(draft.say("Asserts")), Piece(fenced(_some_assertions(draft, draft.exercises[0])))]


def _predict(draft: Draft) -> list[Piece]:
    exercise = draft.exercises[0]
    call, result = choose_example(exercise, draft.random, draft.shown)
    question = f"{draft.say('Predict', call=f'`{call}`')} {trace(exercise, (call, result))}"
    return [Piece(question), Piece(fenced(assertion((call, result))))]


def _some_assertions(draft: Draft, exercise: Exercise) -> str:
    chosen = sorted(draft.random.sample(range(len(exercise.examples)), draft.random.choice((2, 3))))
    return "\n".join(assertion(exercise.examples[index]) for index in chosen)


def _another(draft: Draft) -> list[Piece]:
    exercise = draft.exercise()
    if exercise is None:
        return []
    task = draft.say("Exercise", **_task(exercise))
    program = f"{exercise.program}\n\n{_some_assertions(draft, exercise)}"
    return [Piece(task), Piece(draft.say("Answer")), Piece(fenced(program))]


PARTS: Mapping[str, Callable[[Draft], list[Piece]]] = {
    "idea": _idea,
    "show": _show,
    "work": _work,
    "care": _care,
    "check": _check,
}
"""The function that writes each part, in the order of an audience's headings; "check" needs the exercise from "work"."""
