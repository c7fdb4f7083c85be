"""What is ordered from an author, and what comes back: blueprints, exercises and sections.

Reads nothing and writes nothing; these are the types in which the curriculum, the textbooks and the exercises meet.
The one idea: an exercise is a *composition*, a chain of operations. What is held out is the composition itself, so
the exam asks for combinations that no exercise has, whatever their names, wordings and numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

STYLES = ("steps", "expression", "loop", "recursion", "guard", "helper")
"""How a solution may be written; not every composition can be written in every style."""

FRAMES = ("function", "method")
"""What is to be completed: a function, or one method of a class whose ``__init__`` is given."""


@dataclass(frozen=True)
class Blueprint:
    """The order for one exercise; equal blueprints give equal exercises."""

    source: str
    """The name of the input's value type, such as ``integers``."""
    operations: tuple[str, ...]
    """The names of the operations, in the order in which they are applied."""
    style: str = "steps"
    """The wanted style, one of ``STYLES``; where the composition does not allow it, ``steps``."""
    frame: str = "function"
    seed: int = 0
    """Decides parameters, names, wording and test inputs."""

    @property
    def key(self) -> str:
        """The composition: ``integers>keep_even>square_each>total``; wording, numbers and style do not count."""
        return ">".join((self.source, *self.operations))


@dataclass(frozen=True)
class Step:
    """One operation of an exercise, in words and in code."""

    operation: str
    phrase: str
    """A clause in the imperative, such as ``keep only the even numbers``."""
    code: str
    """The statements of this step in the stepwise style, not indented, without a newline at the end; those of the
    last step end in ``return``."""


@dataclass(frozen=True)
class Exercise:
    """A function (or method) to complete, its solution and its tests; nothing in it was made by running it."""

    blueprint: str
    """The key of the composition."""
    concepts: tuple[str, ...]
    style: str
    """The style in which the solution is really written."""
    entry_point: str
    """What the tests call: the function, or the class of the method."""
    prompt: str
    """Signature and docstring; ends with a newline. ``prompt + solution`` is a program."""
    solution: str
    """The indented body; ends with a newline."""
    tests: tuple[str, ...]
    """Assert statements, made from the meanings of the operations."""
    steps: tuple[Step, ...]
    examples: tuple[tuple[str, str], ...]
    """Calls and their results as Python source, such as ``("total([1, 2])", "3")``."""
    request_id: str | None = None
    """The teacher's answer in the journal, where a teacher wrote it."""

    @property
    def program(self) -> str:
        """The whole program."""
        return self.prompt + self.solution


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
    request_id: str | None = None
    """The teacher's answer in the journal, where a teacher wrote it."""


@dataclass(frozen=True)
class Declined:
    """What an author could not write, and why."""

    reason: str
    detail: str
    request_id: str | None = None
