"""The catalogue: all operations by name and by type."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType

from codeprimer.curriculum.operation import Operation
from codeprimer.curriculum.operations import (
    dictionaries,
    dictionary_results,
    digits,
    floats,
    grids,
    groups,
    integers,
    list_changes,
    list_folds,
    list_order,
    list_searches,
    number_loops,
    objects,
    pairs,
    parsing,
    sets,
    stacks,
    text_results,
    texts,
    tuples,
    word_results,
    words,
)
from codeprimer.curriculum.syllabus import PRACTISED

_ALL = (
    *integers.OPERATIONS,
    *digits.OPERATIONS,
    *number_loops.OPERATIONS,
    *floats.OPERATIONS,
    *texts.OPERATIONS,
    *text_results.OPERATIONS,
    *list_changes.OPERATIONS,
    *list_order.OPERATIONS,
    *list_folds.OPERATIONS,
    *list_searches.OPERATIONS,
    *words.OPERATIONS,
    *word_results.OPERATIONS,
    *tuples.OPERATIONS,
    *pairs.OPERATIONS,
    *dictionaries.OPERATIONS,
    *dictionary_results.OPERATIONS,
    *groups.OPERATIONS,
    *sets.OPERATIONS,
    *grids.OPERATIONS,
    *parsing.OPERATIONS,
    *stacks.OPERATIONS,
    *objects.OPERATIONS,
)

OPERATIONS: Mapping[str, Operation] = MappingProxyType({operation.name: operation for operation in _ALL})
"""All operations by name, in curriculum order."""

assert len(OPERATIONS) == len(_ALL), "two operations share a name"

_SAME = MappingProxyType({operation.name: operation.same_as for operation in _ALL if operation.same_as})

assert all(name in OPERATIONS and name not in _SAME for name in _SAME.values()), (
    "same_as must name an operation without same_as"
)


def practised() -> tuple[Operation, ...]:
    """Return the operations used in the exercises and the exam, in curriculum order."""
    return tuple(operation for operation in _ALL if operation.name in PRACTISED)


assert len(practised()) == len(PRACTISED), "the syllabus names an operation that does not exist"


def _by(end: str) -> Mapping[str, tuple[Operation, ...]]:
    grouped: dict[str, list[Operation]] = {}
    for operation in practised():
        grouped.setdefault(getattr(operation, end), []).append(operation)
    return MappingProxyType({kind: tuple(operations) for kind, operations in grouped.items()})


READING: Mapping[str, tuple[Operation, ...]] = _by("source")
"""Practised operations by input type."""

MAKING: Mapping[str, tuple[Operation, ...]] = _by("target")
"""Practised operations by result type."""


def chain_of(names: tuple[str, ...]) -> tuple[Operation, ...]:
    """Return a composition's operations; the result type of each must be the input type of the next."""
    operations = tuple(OPERATIONS[name] for name in names)
    for first, second in pairwise(operations):
        assert first.target == second.source, f"{second.name} cannot follow {first.name}"
    return operations


def canonical(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return a composition's canonical form, in which operations with the same meaning have the same name."""
    return tuple(_SAME.get(name, name) for name in names)


def concepts_of(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the distinct concepts that a composition practises, in order of appearance."""
    return tuple(dict.fromkeys(concept for name in names for concept in OPERATIONS[name].concepts))
