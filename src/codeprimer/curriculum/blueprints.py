"""An author's inputs and outputs: blueprints, exercises, sections and rejections.

An exercise is a *composition*, that is, a chain of operations. Whole compositions are held out, so the exam asks for
combinations that do not occur in any exercise, whatever its names, wording and numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

STYLES = ("steps", "expression", "loop", "recursion", "guard", "helper")
"""The solution styles; not every composition can be written in every style."""

FRAMES = ("function", "method")
"""The code to be completed: a function, or one method of a class whose ``__init__`` is given."""


@dataclass(frozen=True)
class Blueprint:
    """The specification for one exercise; equal blueprints give equal exercises."""

    source: str
    """The name of the input's value type, such as ``integers``."""
    operations: tuple[str, ...]
    """The names of the operations, in the order in which they are applied."""
    style: str = "steps"
    """The requested style, one of ``STYLES``; if the composition does not allow it, ``steps`` is used."""
    frame: str = "function"
    """One of ``FRAMES``."""
    seed: int = 0
    """Determines parameters, names, wording and test inputs."""

    @property
    def key(self) -> str:
        """The composition, such as ``integers>keep_even>square_each>total``; excludes wording, numbers and style."""
        return ">".join((self.source, *self.operations))


@dataclass(frozen=True)
class Step:
    """One operation of an exercise, in words and in code."""

    phrase: str
    """A clause in the imperative, such as ``keep only the even numbers``."""
    code: str
    """This step's statements in the ``steps`` style, unindented, without a final newline; the last step's statements end in
    ``return``."""


@dataclass(frozen=True)
class Exercise:
    """A function or method to complete, its solution and its tests, which were not produced by running the solution."""

    blueprint: str
    """The key of the composition."""
    concepts: tuple[str, ...]
    style: str
    """The solution's style, which can differ from the requested style."""
    entry_point: str
    """The name that the tests call: the function, or the method's class."""
    prompt: str
    """The signature and docstring; ends with a newline. ``prompt + solution`` is a program."""
    solution: str
    """The indented body; ends with a newline."""
    tests: tuple[str, ...]
    """Assert statements; in a composed exercise they are derived from the operations' meanings."""
    steps: tuple[Step, ...]
    examples: tuple[tuple[str, str], ...]
    """Calls and their results as Python source, such as ``("total([1, 2])", "3")``."""
    request_id: str | None = None
    """The ID of the teacher's answer in the journal; None if no teacher wrote the text."""

    @property
    def program(self) -> str:
        """The whole program."""
        return self.prompt + self.solution


@dataclass(frozen=True)
class SectionBlueprint:
    """The specification for one section; equal blueprints give equal sections."""

    concept: str
    audience: str
    seed: int
    words: int = 450
    """Maximum length [words]."""


@dataclass(frozen=True)
class Section:
    """A textbook section."""

    concept: str
    audience: str
    blueprint: str
    """The keys of the section's compositions, joined with " + "."""
    concepts: tuple[str, ...]
    """Every concept that occurs in the section, in curriculum order."""
    text: str
    request_id: str | None = None
    """The ID of the teacher's answer in the journal; None if no teacher wrote the text."""


@dataclass(frozen=True)
class Rejection:
    """Why there is no text for a blueprint, or why a draft was rejected."""

    reason: str
    """An identifier for the ``rejected`` table and for counting, such as ``too_long``."""
    detail: str
    request_id: str | None = None
    """The ID of the teacher's answer in the journal; None if there is none."""
