"""What an operation is: wording, code and meaning of one step from a type to a type.

Reads nothing. Its one idea: the three are written apart. ``do`` and ``give`` are the words, the templates are the code
and ``meaning`` is what the result *is*, in other Python than the templates; asserts come from the meaning alone.

Templates name their holes with a dollar sign: ``$v`` the value so far, ``$x`` a loop variable, ``$out`` the variable
that receives the result, and any parameter by its name, such as ``$k``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

_HOLE = re.compile(r"\$([a-z]+)")


def fill(template: str, holes: Mapping[str, str]) -> str:
    """Return the template with each ``$hole`` replaced; an unknown hole raises KeyError."""
    return _HOLE.sub(lambda match: holes[match.group(1)], template)


@dataclass(frozen=True)
class Parameter:
    """A value that an operation needs besides the one it works on."""

    draw: Callable[[Random], Any]
    """Return a value for a literal or a test."""
    arguments: tuple[str, ...] = ()
    """Names for it as an argument of the function; empty where it is always a literal."""
    annotation: str = "int"
    always: bool = False
    """It is always an argument (a second list, say), never a literal."""
    name: str = "k"


@dataclass(frozen=True)
class Fold:
    """How a list becomes one value, element by element."""

    start: str
    """The accumulator before the first element."""
    update: str
    """A statement with ``$out`` and ``$x``."""
    empty: str = ""
    """The recursive result for the empty list; ``start`` where it is left out."""
    combine: str = ""
    """An expression with ``$x`` (the first element) and ``$rest`` (the result for the rest); empty: no recursion."""


@dataclass(frozen=True)
class Operation:
    """One step of a composition."""

    name: str
    source: str
    target: str
    concepts: tuple[str, ...]
    do: tuple[str, ...]
    """Clauses in the imperative: ``square each number``."""
    give: tuple[str, ...]
    """Noun phrases that follow "return": ``the square of each number``."""
    meaning: Callable[..., Any]
    """The result for a value and the parameters in order; never the code of the templates."""
    noun: str
    """A word or two for function names: ``squares``."""
    result: str
    """The variable that holds the result: ``squares``."""
    expression: str = ""
    element: str = ""
    """Of an operation that changes each element alone: the new element as an expression of ``$x``."""
    condition: str = ""
    """Of an operation that keeps some elements: the condition on ``$x``."""
    blocks: tuple[str, ...] = ()
    """Statements that leave the result in ``$out``."""
    returning: tuple[str, ...] = ()
    """Statements that return the result, for the last operation only."""
    change: str = ""
    """Of an operation on an object's state: statements that change ``$v`` itself."""
    recursive: str = ""
    """Statements with an inner recursive function, which leave the result in ``$out``."""
    fold: Fold | None = None
    parameters: tuple[Parameter, ...] = ()
    same_as: str = ""
    """The operation that means the same in other words and code; what is held out with one is held out with both."""
    domain: Callable[..., bool] | None = None
    """Tells whether the specification covers a value (and parameters); None: every value of the type."""

    @property
    def inline(self) -> str:
        """The operation as one expression of ``$v``; empty where it has only statements."""
        if self.element:
            return f"[{self.element} for $x in $v]"
        if self.condition:
            return f"[$x for $x in $v if {self.condition}]"
        return self.expression


def number(low: int, high: int, *arguments: str, name: str = "k") -> Parameter:
    """Return an integer parameter from ``low`` to ``high`` inclusive; with names it may become an argument."""
    return Parameter(lambda random: random.randint(low, high), arguments, name=name)


def choice(values: Sequence[str], *arguments: str) -> Parameter:
    """Return a string parameter out of ``values``."""
    return Parameter(lambda random: random.choice(values), arguments, "str")


def another(annotation: str, draw: Callable[[Random], Any], *arguments: str) -> Parameter:
    """Return a second input of the function."""
    return Parameter(draw, arguments, annotation, always=True)
