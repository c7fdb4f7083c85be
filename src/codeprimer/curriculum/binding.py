"""Operations with bound parameters, and the meaning of an operation chain.

A parameter is either a literal, which is the same in every test, or an argument of the function, with a new value for each
test. Wording, code and meaning use the same choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from codeprimer.curriculum.operation import Operation, Parameter

ARGUMENT_PROBABILITY = 0.25
"""The probability that a parameter becomes an argument if it can."""

LARGEST = 1_000_000
LONGEST = 60
"""The limits for tested values: the largest integer, the longest string or collection."""


@dataclass(frozen=True)
class Argument:
    """A parameter that became an argument of the function."""

    name: str
    parameter: Parameter


@dataclass(frozen=True)
class Applied:
    """An operation and its parameters, each a literal value or an argument."""

    operation: Operation
    parameters: tuple[Any, ...]
    holes: dict[str, str]
    """The parameters as source text, keyed by the names of their holes in the templates."""

    def values(self, arguments: dict[str, Any]) -> list[Any]:
        """Return the parameters' values for one test."""
        return [arguments[value.name] if isinstance(value, Argument) else value for value in self.parameters]


def bind(operations: Sequence[Operation], random: Random) -> tuple[Applied, ...]:
    """Bind all parameters; apart from second inputs, at most one becomes an argument."""
    taken: list[str] = []
    return tuple(_bind_one(operation, taken, random) for operation in operations)


def _bind_one(operation: Operation, taken: list[str], random: Random) -> Applied:
    values: list[Any] = []
    holes = {}
    for parameter in operation.parameters:
        lifted = parameter.always or (parameter.arguments and not taken and random.random() < ARGUMENT_PROBABILITY)
        if lifted:
            name = random.choice([name for name in parameter.arguments if name not in taken] or ["extra"])
            taken.append(name)
            values.append(Argument(name, parameter))
            holes[parameter.name] = name
        else:
            values.append(parameter.draw(random))
            holes[parameter.name] = literal(values[-1])
    return Applied(operation, tuple(values), holes)


def arguments_of(chain: Sequence[Applied]) -> list[Argument]:
    """Return all of the function's arguments after the first, in order."""
    return [value for applied in chain for value in applied.parameters if isinstance(value, Argument)]


def literal(value: Any) -> str:
    """Return a value as source text; equal values give equal source text, even for sets."""
    if isinstance(value, set) and value:
        return "{" + ", ".join(map(repr, sorted(value))) + "}"
    return repr(value)


class OutsideError(Exception):
    """A value is outside the specification or too large for a test."""


def meaning(chain: Sequence[Applied], value: Any, arguments: dict[str, Any]) -> Any:
    """Return a chain's result for one input, computed only from the operations' meanings.

    Raises OutsideError for an input that tests must not use.
    """
    for applied in chain:
        parameters = applied.values(arguments)
        domain = applied.operation.domain
        if domain is not None and not domain(value, *parameters):
            raise OutsideError
        value = applied.operation.meaning(value, *parameters)
        if _too_large(value):
            raise OutsideError
    return value


def _too_large(value: Any) -> bool:
    if isinstance(value, int):
        return abs(value) > LARGEST
    if isinstance(value, str | list | dict | set):
        if len(value) > LONGEST:
            return True
        if isinstance(value, list) and value and isinstance(value[0], int):
            return any(abs(item) > LARGEST for item in value)
    return False
