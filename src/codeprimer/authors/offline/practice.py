"""Exercises that practise one concept, for the worked examples in textbook sections.

An example uses concepts that were taught earlier, and as few later concepts as possible.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from random import Random
from types import MappingProxyType

from codeprimer.authors.offline.compose import compose
from codeprimer.curriculum.blueprints import Blueprint, Exercise
from codeprimer.curriculum.catalogue import OPERATIONS, concepts_of
from codeprimer.curriculum.concepts import CONCEPTS, position_of
from codeprimer.curriculum.heldout import HeldOut
from codeprimer.curriculum.sampler import draw_blueprint
from codeprimer.curriculum.values import TYPES

STYLES: Mapping[str, str] = MappingProxyType(
    {
        "functions": "helper",
        "early_return": "guard",
        "for_loops": "loop",
        "accumulators": "loop",
        "early_exit": "loop",
        "list_building": "loop",
        "list_comprehensions": "expression",
        "recursion_on_numbers": "recursion",
        "recursion_on_lists": "recursion",
        "recursion_on_strings": "recursion",
    }
)
"""Concepts whose examples need a particular solution style, and that style."""

CLASSES = ("simple_classes", "object_state", "stacks", "counter_classes")
"""Concepts whose examples are methods."""

STAND_INS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "variables": ("integers",),
        "functions": ("integers", "powers", "divisibility"),
        "list_building": ("list_mapping", "list_filtering"),
        "word_processing": ("string_splitting",),
        "selection_sort": ("sorting", "sort_keys"),
        "insertion_sort": ("sorting", "stable_sorting"),
        "recursion_on_lists": ("list_aggregation", "list_mapping", "list_filtering"),
        "recursion_on_strings": ("string_reversal", "character_tests", "character_counting"),
    }
)
"""Concepts without operations of their own, and the concepts whose operations practise them instead."""

LENGTHS = (1, 2, 2, 2, 3)
"""Chain lengths from which a worked example's length is drawn [operations]."""

_CHOICES = 6
"""Number of drawn chains from which the simplest is chosen."""
_ATTEMPTS = 60


def exercise_for(concept: str, random: Random, held_out: HeldOut) -> Exercise | None:
    """Return an exercise that practises a concept without held-out compositions, or None after 60 failed attempts."""
    spare = None
    for _ in range(_ATTEMPTS):
        blueprint = _simplest(concept, random, held_out)
        exercise = compose(blueprint) if blueprint is not None else None
        if exercise is None:
            continue
        if exercise.style == STYLES.get(concept, exercise.style):
            return exercise
        spare = spare or exercise
    return spare


def _simplest(concept: str, random: Random, held_out: HeldOut) -> Blueprint | None:
    """Return the blueprint with the fewest concepts that come later in the curriculum."""
    best: tuple[int, Blueprint] | None = None
    for _ in range(_CHOICES):
        blueprint = _suited(concept, draw_blueprint(random, LENGTHS, operations_of(concept)))
        if blueprint is None or held_out.forbids(blueprint.operations):
            continue
        late = sum(position_of(other) > position_of(concept) for other in known_concepts(blueprint.operations))
        if best is None or late < best[0]:
            best = late, blueprint
        if late == 0:
            break
    return best[1] if best else None


def _suited(concept: str, blueprint: Blueprint) -> Blueprint | None:
    """Return the blueprint with the frame and style that a concept needs, or None if that is impossible."""
    if concept in CLASSES:
        return replace(blueprint, frame="method") if TYPES[blueprint.source].classes else None
    return replace(blueprint, frame="function", style=STYLES.get(concept, blueprint.style))


def known_concepts(operations: tuple[str, ...]) -> tuple[str, ...]:
    """Return the concepts that operations practise, in curriculum order."""
    practised = concepts_of(operations)
    return tuple(name for name in CONCEPTS if name in practised)


@cache
def operations_of(concept: str) -> tuple[str, ...]:
    """Return the operations that practise a concept, or those of its stand-ins."""
    wanted = STAND_INS.get(concept, (concept,))
    found = tuple(name for name, operation in OPERATIONS.items() if any(one in wanted for one in operation.concepts))
    assert found, f"no operation practises {concept}; add it to STAND_INS"
    return found
