"""Operations: the wording, code and meaning of one step from an input type to a result type.

The three are independent: ``do`` and ``give`` are the wording, the templates are the code, and ``meaning`` computes the
result with different Python code. Asserts are derived only from the meaning.

Holes in templates: ``$v`` is the current value, ``$x`` and ``$c`` are loop variables, ``$out`` is the result variable, and
each parameter has a hole with its name, such as ``$k``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

_HOLE = re.compile(r"\$([a-z]+)")


def fill(template: str, holes: Mapping[str, str]) -> str:
    """Return the template with each ``$hole`` replaced. Raises KeyError for an unknown hole."""
    return _HOLE.sub(lambda match: holes[match.group(1)], template)


@dataclass(frozen=True)
class Parameter:
    """A value that an operation needs in addition to its input."""

    draw: Callable[[Random], Any]
    """Returns a value for a literal or a test."""
    arguments: tuple[str, ...] = ()
    """Names that it can have as an argument of the function; empty if it is always a literal."""
    annotation: str = "int"
    always: bool = False
    """Whether it is always an argument, such as a second list."""
    name: str = "k"


@dataclass(frozen=True)
class Fold:
    """The reduction of a list to one value, element by element."""

    start: str
    """The initial accumulator."""
    update: str
    """A statement with ``$out`` and ``$x``."""
    empty: str = ""
    """The recursive result for the empty list; by default ``start``."""
    combine: str = ""
    """An expression with ``$x`` (the first element) and ``$rest`` (the remaining elements' result); empty if not recursive."""


@dataclass(frozen=True)
class Operation:
    """One step of a composition."""

    name: str
    source: str
    target: str
    concepts: tuple[str, ...]
    do: tuple[str, ...]
    """Clauses in the imperative, such as ``square each number``."""
    give: tuple[str, ...]
    """Noun phrases that can follow "return", such as ``the square of each number``."""
    meaning: Callable[..., Any]
    """Computes the result from a value and the parameters, with code that differs from the templates."""
    noun: str
    """One or two words for function names, such as ``squares``."""
    result: str
    """The variable for the result, such as ``squares``."""
    expression: str = ""
    element: str = ""
    """For a map: the new element as an expression of ``$x``."""
    condition: str = ""
    """For a filter: the condition on ``$x``."""
    blocks: tuple[str, ...] = ()
    """Alternative statements that assign the result to ``$out``."""
    returning: tuple[str, ...] = ()
    """Alternative statements that return the result, for the last operation only."""
    change: str = ""
    """For an operation on an object's state: statements that change ``$v`` itself."""
    recursive: str = ""
    """Statements with an inner recursive function that assign the result to ``$out``."""
    fold: Fold | None = None
    parameters: tuple[Parameter, ...] = ()
    same_as: str = ""
    """An operation with the same meaning but different wording and code; the two are held out together."""
    domain: Callable[..., bool] | None = None
    """Returns whether the specification covers a value and parameters; None if it covers all values."""

    @property
    def inline(self) -> str:
        """The operation as one expression of ``$v``; empty if it has only statements."""
        if self.element:
            return f"[{self.element} for $x in $v]"
        if self.condition:
            return f"[$x for $x in $v if {self.condition}]"
        return self.expression


def number(low: int, high: int, *arguments: str, name: str = "k") -> Parameter:
    """Return an integer parameter from ``low`` to ``high``, inclusive; with ``arguments`` it can become an argument."""
    return Parameter(lambda random: random.randint(low, high), arguments, name=name)


def choice(values: Sequence[str], *arguments: str) -> Parameter:
    """Return a string parameter, one of ``values``."""
    return Parameter(lambda random: random.choice(values), arguments, "str")


def another(annotation: str, draw: Callable[[Random], Any], *arguments: str) -> Parameter:
    """Return a parameter that is a second input of the function."""
    return Parameter(draw, arguments, annotation, always=True)


Meaning = Mapping[str, Any]
"""The ``meaning``, ``parameters`` and ``domain`` of an operation."""


def means(meaning: Callable[..., Any], *parameters: Parameter, domain: Callable[..., bool] | None = None) -> Meaning:
    """Return an operation's meaning, parameters and domain as a mapping."""
    return {"meaning": meaning, "parameters": parameters, "domain": domain}


def operations_in(module: str, meanings: Mapping[str, Meaning]) -> tuple[Operation, ...]:
    """Return the operations whose wording and templates are in the TOML file next to a module, in file order."""
    tables = tomllib.loads(Path(module).with_suffix(".toml").read_text(encoding="utf-8"))
    assert tables.keys() == meanings.keys(), f"{module} and its TOML file do not have the same operations"
    return tuple(_operation(name, table, meanings[name]) for name, table in tables.items())


def _operation(name: str, table: Mapping[str, Any], meaning: Meaning) -> Operation:
    words: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in table.items() if key != "fold"
    }
    fold = Fold(**table["fold"]) if "fold" in table else None
    return Operation(name=name, fold=fold, **words, **dict(meaning))
