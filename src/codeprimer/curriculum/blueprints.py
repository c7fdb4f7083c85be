"""What an author is given and what it returns: blueprints, exercises, sections and rejections.

An exercise is a *composition*, a chain of operations. The composition itself is held out, so the exam asks for
combinations that no exercise has under any names, wordings and numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

STYLES = ("steps", "expression", "loop", "recursion", "guard", "helper")
"""The styles of a solution; not every composition can be written in every style."""

FRAMES = ("function", "method")
"""What has to be completed: a function, or one method of a class whose ``__init__`` is given."""


@dataclass(frozen=True)
class Blueprint:
    """What one exercise has to be; equal blueprints give equal exercises."""

    source: str
    """The name of the input's value type, such as ``integers``."""
    operations: tuple[str, ...]
    """The names of the operations, in the order in which they are applied."""
    style: str = "steps"
    """The requested style, one of ``STYLES``; ``steps`` where the composition does not allow it."""
    frame: str = "function"
    """One of ``FRAMES``."""
    seed: int = 0
    """Decides parameters, names, wording and test inputs."""

    @property
    def key(self) -> str:
        """The composition: ``integers>keep_even>square_each>total``; wording, numbers and style are no part of it."""
        return ">".join((self.source, *self.operations))


@dataclass(frozen=True)
class Step:
    """One operation of an exercise, in words and in code."""

    phrase: str
    """A clause in the imperative, such as ``keep only the even numbers``."""
    code: str
    """The statements of this step in the style ``steps``, not indented, without a final newline; those of the last step
    end in ``return``."""


@dataclass(frozen=True)
class Exercise:
    """A function or method to complete, its solution and its tests; none of it was produced by running the solution."""

    blueprint: str
    """The key of the composition."""
    concepts: tuple[str, ...]
    style: str
    """The style of the solution, which may differ from the requested one."""
    entry_point: str
    """What the tests call: the function, or the class of the method."""
    prompt: str
    """Signature and docstring; ends with a newline. ``prompt + solution`` is a program."""
    solution: str
    """The indented body; ends with a newline."""
    tests: tuple[str, ...]
    """Assert statements; a composed exercise has them from the meanings of its operations."""
    steps: tuple[Step, ...]
    examples: tuple[tuple[str, str], ...]
    """Calls and their results as Python source, such as ``("total([1, 2])", "3")``."""
    request_id: str | None = None
    """The teacher's answer in the journal; None if no teacher wrote it."""

    @property
    def program(self) -> str:
        """The whole program."""
        return self.prompt + self.solution


@dataclass(frozen=True)
class SectionBlueprint:
    """What one section has to be; equal blueprints give equal sections."""

    concept: str
    audience: str
    seed: int
    words: int = 450
    """Maximum length [words]."""


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
    """The teacher's answer in the journal; None if no teacher wrote it."""


@dataclass(frozen=True)
class Rejection:
    """Why there is no text for a blueprint, or why a draft was rejected."""

    reason: str
    """One word for the table ``rejected`` and for counting, such as ``too_long``."""
    detail: str
    request_id: str | None = None
    """The teacher's answer in the journal; None if there is none."""
