"""Test cases derived from meanings: inputs and expected results.

Cases are accepted only if the results vary and every operation matters, so that a solution that omits a step fails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any

from codeprimer.curriculum.binding import Applied, OutsideError, arguments_of, bind, literal, meaning
from codeprimer.curriculum.blueprints import Blueprint
from codeprimer.curriculum.catalogue import chain_of
from codeprimer.curriculum.values import TYPES

WANTED = 6
"""Maximum number of tests per exercise."""
FEWEST = 5
"""Exercises with fewer tests are rejected."""
_DRAWS = 30
_EDGES = 2


@dataclass(frozen=True)
class Case:
    """The input and the expected result of one test."""

    value: Any
    arguments: dict[str, Any]
    result: Any

    @property
    def inputs(self) -> str:
        """The arguments of the call after the first, as source text."""
        return "".join(f", {literal(value)}" for value in self.arguments.values())


@lru_cache(maxsize=16)
def settle(blueprint: Blueprint) -> tuple[tuple[Applied, ...], tuple[Case, ...] | None]:
    """Return a blueprint's bound chain and its test cases (None if they could not distinguish right from wrong solutions).

    The result is cached, because a blueprint is checked just before its exercise is composed.
    """
    random = Random(blueprint.seed)
    chain = bind(chain_of(blueprint.operations), random)
    return chain, draw_cases(blueprint.source, chain, random)


def draw_cases(source: str, chain: Sequence[Applied], random: Random) -> tuple[Case, ...] | None:
    """Return five or six cases with different inputs, or None if they cannot distinguish right from wrong solutions."""
    cases = _collect(source, chain, random)
    if len(cases) < FEWEST or _some_step_is_redundant(chain, cases):
        return None
    return tuple(cases)


def _collect(source: str, chain: Sequence[Applied], random: Random) -> list[Case]:
    kind = TYPES[source]
    edges = random.sample(kind.edges, min(_EDGES, len(kind.edges)))
    found: dict[str, Case] = {}
    results: Counter[str] = Counter()
    for draw in range(_DRAWS):
        value = edges[draw] if draw < len(edges) else kind.draw(random)
        arguments = {argument.name: argument.parameter.draw(random) for argument in arguments_of(chain)}
        key = ", ".join(map(literal, (value, *arguments.values())))
        try:
            result = meaning(chain, value, arguments)
        except OutsideError:
            continue
        # At most half of the tests have the same result, so a yes/no question gets both answers.
        if key in found or results[literal(result)] >= WANTED // 2:
            continue
        results[literal(result)] += 1
        found[key] = Case(value, arguments, result)
        if len(found) == WANTED:
            break
    return list(found.values())


def _some_step_is_redundant(chain: Sequence[Applied], cases: Sequence[Case]) -> bool:
    """Return whether some operation can be left out without changing any result."""
    for index, applied in enumerate(chain):
        if applied.operation.source != applied.operation.target:
            continue
        shorter = (*chain[:index], *chain[index + 1 :])
        if all(_same(shorter, case) for case in cases):
            return True
    return False


def _same(chain: Sequence[Applied], case: Case) -> bool:
    try:
        return literal(meaning(chain, case.value, case.arguments)) == literal(case.result)
    except OutsideError:
        return False
