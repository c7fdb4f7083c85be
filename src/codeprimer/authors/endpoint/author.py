"""The author that requests texts from a teacher, for the same blueprints as the offline author.

Texts differ because each request draws at random what to compute, the reader, the theme and the function's name
(sections 2.2 and 2.3 of the phi-1 paper). The tests are requested in a separate conversation that shows only the
specification, so that they cannot repeat the solution's mistakes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import tee
from random import Random
from typing import Any

from pydantic import BaseModel

from codeprimer.authors.author import Author
from codeprimer.authors.backdrops import Backdrop
from codeprimer.authors.endpoint.reading import read_program, read_tests
from codeprimer.authors.offline.compose import NO_TESTS, compose
from codeprimer.authors.writing import COMPARED
from codeprimer.core.plugins import PluginSettings
from codeprimer.core.seeds import derive_seed
from codeprimer.curriculum.audiences import AUDIENCES, audiences
from codeprimer.curriculum.blueprints import Blueprint, Exercise, Rejection, Section, SectionBlueprint
from codeprimer.curriculum.concepts import CONCEPTS
from codeprimer.curriculum.heldout import HeldOut
from codeprimer.teachers import Access, Answer, Message, PlainQuestion, Request, Result, StructuredQuestion, Usage
from codeprimer.teachers.estimate import estimate
from codeprimer.teachers.questions import digest_of

EXERCISE_TEMPLATE, SECTION_TEMPLATE = "exercises/1", "sections/1"
"""Versions of the prompts below; increment them whenever the prompts change."""

PARSER = "author/1"

EXERCISE_CHARACTERS, EXERCISE_TOKENS = 2_200, 250
"""The approximate size of an exercise's two requests [characters] and of each answer [tokens], for estimates."""
SECTION_CHARACTERS, TOKENS_PER_WORD = 1_500, 1.6

_WRITE = """\
You write short Python exercises for a textbook. Write one function for the exercise below: a signature with type hints, a
docstring that says exactly what it computes, what it does with empty input, and nothing about how, and a body of at most
fifteen lines that uses the standard library at most. The docstring must be enough to write tests from without seeing the
body. No print, no input, no classes, no examples outside of the docstring, no text outside of the function."""

_TEST = """\
You write tests for Python functions that you know by their signature and docstring only. Write five assert statements,
each a single line that calls the function and compares its result with a literal. Cover ordinary input, empty or smallest
input, and one case that a careless solution gets wrong. Compute every expected value with care; leave out what you are
not sure of."""

_SECTION = """\
You write sections of a Python textbook: prose interleaved with code, in Markdown. Every code block is fenced with
```python, and all blocks together, run in their order as one program, work without input and without anything installed.
Where a block prints, a comment at the end of the print line says what it prints, and it must be exactly that. Explain
first why, then show, then let the reader check what was understood. Headings are short; nothing is promised that does not
follow."""


class Written(BaseModel):
    """A whole function with its docstring."""

    program: str


class Tests(BaseModel):
    """Assert statements."""

    tests: list[str]


class ExerciseQuestion:
    """Requests a function, then, in a separate conversation, tests based on its docstring."""

    def __init__(self, blueprint: Blueprint, composed: Exercise, access: Access) -> None:
        self._settings = access.settings
        self._function: tuple[str, str, str] = ("", "", "")
        request = Request(
            (Message("system", _WRITE), Message("user", exercise_prompt(blueprint, composed))), EXERCISE_TEMPLATE
        )
        self._current: StructuredQuestion[Any] = StructuredQuestion(
            request, self._settings, Written, _program_objection
        )

    def first(self) -> Request:
        """Return the request for a function."""
        return self._current.first()

    def then(self, request: Request, answer: Answer) -> Request | Result:
        """Return the next step after an answer: an objection, the request for tests, or the result."""
        then = self._current.then(request, answer)
        if not isinstance(then, Result) or then.reason:
            return then
        if isinstance(then.value, Written):
            self._function = read_program(then.value.program)
            name, prompt, _ = self._function

            def objection(form: Tests) -> str:
                return _tests_objection(form, name)

            asked = Request((Message("system", _TEST), Message("user", f"```python\n{prompt}```")), EXERCISE_TEMPLATE)
            self._current = StructuredQuestion(asked, self._settings, Tests, objection)
            return self._current.first()
        return Result((self._function, read_tests(then.value.tests, self._function[0])))


def exercise_prompt(blueprint: Blueprint, composed: Exercise) -> str:
    """Return the user message that requests an exercise."""
    random = Random(derive_seed(blueprint.seed, "ask", blueprint.key))
    holes = Backdrop(random).holes()
    phrases = [step.phrase for step in composed.steps]
    what = ", then ".join(phrases)
    concepts = ", ".join(CONCEPTS[name].title for name in composed.concepts if name in CONCEPTS)
    audience = audiences()[random.choice(AUDIENCES)]
    theme = random.choice((holes["words_of"], holes["numbers_of"], holes["table_of"]))
    return (
        f"Input: {blueprint.source.replace('_', ' ')}.\nWhat to compute: {what}.\nConcepts: {concepts}.\n"
        f"Reader: {audience.described}\nTheme, if it helps the names: {theme}.\n"
        f"Name of the function: {composed.entry_point if blueprint.frame == 'function' else 'of your choice'}."
    )


def _program_objection(form: Written) -> str:
    try:
        read_program(form.program)
    except ValueError as error:
        return str(error)
    return ""


def _tests_objection(form: Tests, name: str) -> str:
    try:
        read_tests(form.tests, name)
    except ValueError as error:
        return str(error)
    return ""


class EndpointAuthor(Author):
    """Queries a language model; with a second teacher, a second author also writes texts for the first blueprints."""

    def __init__(self, settings: PluginSettings, *, teacher: Access, second_teacher: Access | None) -> None:
        super().__init__(settings)
        self._access = teacher
        self._usage = Usage()
        self._expected: int | None = None
        self._second = (
            EndpointAuthor(settings, teacher=second_teacher, second_teacher=None)
            if second_teacher is not None
            else None
        )

    @property
    def about(self) -> str:
        """The model, whose provider's terms apply."""
        return f"{self._access.settings.model} (a language model; its provider's terms apply)"

    @property
    def second(self) -> EndpointAuthor | None:
        """The author that queries the second teacher."""
        return self._second

    def digest(self) -> str:
        """Return a digest of the prompts and the parser version."""
        return f"{digest_of(_WRITE, _TEST, _SECTION, forms=[Written, Tests])} {PARSER}"

    def facts(self) -> dict[str, Any]:
        """Return the teacher's figures for the report; equal for equal answers."""
        return {"model": self._access.settings.model, **self._usage.facts()}

    def estimate_exercises(self, count: int) -> str:
        """Return a human-readable cost estimate. Raises RecipeError if no price is known."""
        self._expected = count
        own = self._estimate(2 * count, count * EXERCISE_CHARACTERS, EXERCISE_TOKENS)
        return own if self.second is None else f"{own}\n  {self.second.estimate_exercises(min(count, COMPARED))}"

    def estimate_sections(self, count: int, words: int) -> str:
        """Return a human-readable cost estimate. Raises RecipeError if no price is known."""
        self._expected = count
        own = self._estimate(count, count * SECTION_CHARACTERS, round(words * TOKENS_PER_WORD))
        return own if self.second is None else f"{own}\n  {self.second.estimate_sections(min(count, COMPARED), words)}"

    def _estimate(self, requests: int, characters: int, answer_tokens: int) -> str:
        settings = self._access.settings
        return estimate(settings, requests, characters, answer_tokens).sentence(settings, self._access.tariff)

    def exercises(self, blueprints: Iterable[Blueprint]) -> Iterator[Exercise | Rejection]:
        """Yield the teacher's exercises, in blueprint order."""
        asked, known = tee((blueprint, compose(blueprint)) for blueprint in blueprints)
        with self._access.open() as teacher:
            replies = teacher.ask(
                (
                    ExerciseQuestion(blueprint, composed, self._access)
                    for blueprint, composed in asked
                    if composed is not None
                ),
                self._expected,
            )
            for blueprint, composed in known:
                if composed is None:
                    yield NO_TESTS
                    continue
                reply = self._usage.count(next(replies))
                if reply.reason:
                    yield Rejection(reply.reason, reply.detail, reply.request_id)
                    continue
                (name, prompt, solution), tests = reply.value
                yield Exercise(
                    blueprint.key, composed.concepts, "own", name, prompt, solution, tests, (), (), reply.request_id
                )

    def sections(self, blueprints: Iterable[SectionBlueprint], held_out: HeldOut) -> Iterator[Section | Rejection]:
        """Yield the teacher's sections, in blueprint order."""
        del held_out  # a model's text has no known composition; the stage compares code and wording with the exam
        asked, known = tee(blueprints)
        with self._access.open() as teacher:
            replies = teacher.ask((self._section_question(blueprint) for blueprint in asked), self._expected)
            for blueprint in known:
                reply = self._usage.count(next(replies))
                if reply.reason:
                    yield Rejection(reply.reason, reply.detail, reply.request_id)
                    continue
                text = reply.value.strip() + "\n"
                yield Section(blueprint.concept, blueprint.audience, "", (blueprint.concept,), text, reply.request_id)

    def _section_question(self, blueprint: SectionBlueprint) -> PlainQuestion:
        request = Request((Message("system", _SECTION), Message("user", section_prompt(blueprint))), SECTION_TEMPLATE)
        return PlainQuestion(request, self._access.settings)


def section_prompt(blueprint: SectionBlueprint) -> str:
    """Return the user message that requests a section."""
    random = Random(derive_seed(blueprint.seed, "ask"))
    holes = Backdrop(random).holes()
    concept = CONCEPTS[blueprint.concept]
    known = ", ".join(CONCEPTS[name].title for name in concept.prerequisites) or "nothing yet"
    audience = audiences()[blueprint.audience]
    return (
        f"Subject: {concept.title}: {concept.summary}.\nThe reader knows already: {known}.\n"
        f"Reader: {audience.described}\nLet the examples be about {holes['words_of']} and {holes['numbers_of']}; "
        f"a person in them may be called {holes['person']}.\nLength: about {round(0.7 * blueprint.words)} words, "
        f"code included, never more than {blueprint.words}."
    )
