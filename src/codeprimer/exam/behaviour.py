"""Determines what chains of operations do by evaluating them on a fixed set of inputs.

Reads the catalogue. Key idea: a problem that a shorter chain also solves would be held out in name only, because the
shorter chain may be trained on. Chains that no input distinguishes are therefore treated as equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from random import Random
from typing import Any

from codeprimer.curriculum.binding import Applied, Argument, OutsideError, literal, meaning
from codeprimer.curriculum.blueprints import Blueprint
from codeprimer.curriculum.cases import FEWEST, settle
from codeprimer.curriculum.catalogue import READING
from codeprimer.curriculum.heldout import HeldOut
from codeprimer.curriculum.operation import Operation, Parameter
from codeprimer.curriculum.sampler import can_stand
from codeprimer.curriculum.values import TYPES

GLANCE = 10
"""Number of inputs on which every short chain is run once, edge cases first; few, because there are 15,000 short chains."""
INPUTS = 100
"""Number of inputs on which chains that agree on the first ``GLANCE`` inputs are compared."""
_DRAWS = 40
"""Number of draws, enough to find every value of a parameter; no range in the catalogue has more than ten values."""

Chain = tuple[Applied, ...]
Results = tuple[str | None, ...]
"""A chain's result for each input, as source text; None if the chain's specification does not cover the input."""


@dataclass(frozen=True)
class Known:
    """A chain with fixed parameters, and its results for the first ``GLANCE`` inputs."""

    chain: Chain
    glance: Results

    @property
    def operations(self) -> tuple[str, ...]:
        """The names of the chain's operations."""
        return tuple(applied.operation.name for applied in self.chain)


def shorter_equal(blueprint: Blueprint, held_out: HeldOut) -> tuple[str, ...] | None:
    """Return a shorter chain that is not held out and does the same as a blueprint's chain, or None.

    Chains of one and of two operations with the same input and output types are compared, with every value that their
    parameters can have. Inputs that the blueprint's own specification does not cover are ignored.
    """
    chain = tuple(map(_without_arguments, settle(blueprint)[0]))
    results = run(chain, blueprint.source, INPUTS)
    if sum(result is not None for result in results) < FEWEST:
        return None
    for length in range(1, min(len(chain), 3)):
        for known in known_chains(blueprint.source, length).get(chain[-1].operation.target, ()):
            if not agree(results, known.glance) or held_out.forbids(known.operations):
                continue
            if agree(results, run(known.chain, blueprint.source, INPUTS)):
                return known.operations
    return None


def agree(results: Results, others: Results) -> bool:
    """Return whether ``others`` equals ``results`` at every input for which ``results`` is not None."""
    return all(result is None or result == other for result, other in zip(results, others, strict=False))


@cache
def known_chains(source: str, length: int) -> dict[str, list[Known]]:
    """Return all chains of ``length`` operations that start from a type and can be exercises, by output type."""
    found: dict[str, list[Known]] = {}
    for chain in _chains(source, length):
        names = [applied.operation.name for applied in chain]
        if can_stand(tuple(names)) and len(set(names)) == length:
            known = Known(chain, run(chain, source, GLANCE))
            found.setdefault(chain[-1].operation.target, []).append(known)
    return found


def run(chain: Chain, source: str, count: int) -> Results:
    """Return a chain's results for the first ``count`` inputs of a type; the inputs are the same in any process."""
    return tuple(_result(chain, value) for value in inputs_of(source)[:count])


@cache
def inputs_of(source: str) -> tuple[Any, ...]:
    """Return the inputs of a type that are used to compare chains."""
    kind, random = TYPES[source], Random(f"inputs of {source}")
    return (*kind.edges, *(kind.draw(random) for _ in range(INPUTS - len(kind.edges))))


def _chains(source: str, length: int) -> Iterator[Chain]:
    for operation in READING.get(source, ()):
        for applied in _settings(operation):
            if length == 1:
                yield (applied,)
            else:
                yield from ((applied, *rest) for rest in _chains(operation.target, length - 1))


@cache
def _settings(operation: Operation) -> Sequence[Applied]:
    """Return the operation with each combination of its parameters' possible values."""
    return [Applied(operation, values, {}) for values in product(*map(_values, operation.parameters))]


def _values(parameter: Parameter) -> list[Any]:
    """Return all values of a parameter, or, for a second input, the single value that all comparisons use."""
    random = Random(0)
    drawn = [parameter.draw(random) for _ in range(1 if parameter.always else _DRAWS)]
    return list({literal(value): value for value in drawn}.values())


def _without_arguments(applied: Applied) -> Applied:
    values = (_values(one.parameter)[0] if isinstance(one, Argument) else one for one in applied.parameters)
    return Applied(applied.operation, tuple(values), {})


def _result(chain: Chain, value: Any) -> str | None:
    try:
        return literal(meaning(chain, value, {}))
    except OutsideError:
        return None
