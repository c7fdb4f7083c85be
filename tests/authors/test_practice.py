from __future__ import annotations

from random import Random

import pytest

from codeprimer.authors.offline.practice import CLASSES, STYLES, exercise_for, known_concepts, operations_of
from codeprimer.curriculum.catalogue import OPERATIONS
from codeprimer.curriculum.concepts import CONCEPTS, position_of
from codeprimer.curriculum.heldout import NOTHING, HeldOut


def operations(blueprint: str) -> tuple[str, ...]:
    return tuple(blueprint.split(">")[1:])


@pytest.mark.parametrize("concept", CONCEPTS)
def test_every_concept_can_be_practised(concept: str) -> None:
    exercise = exercise_for(concept, Random(3), NOTHING)
    assert exercise is not None
    assert set(operations(exercise.blueprint)) & set(operations_of(concept))


def test_a_concept_is_practised_by_its_own_operations_where_it_has_some() -> None:
    assert all("primes" in OPERATIONS[name].concepts for name in operations_of("primes"))
    assert operations_of("variables")


def test_examples_rarely_need_what_comes_later() -> None:
    late = total = 0
    for concept in CONCEPTS:
        for seed in range(4):
            exercise = exercise_for(concept, Random(seed), NOTHING)
            assert exercise is not None
            practised = known_concepts(operations(exercise.blueprint))
            total += len(practised)
            late += sum(position_of(name) > position_of(concept) for name in practised)
    assert late / total < 0.15


@pytest.mark.parametrize(("concept", "style"), STYLES.items())
def test_a_way_of_writing_is_practised_in_that_way(concept: str, style: str) -> None:
    exercises = [exercise_for(concept, Random(seed), NOTHING) for seed in range(8)]
    assert sum(exercise is not None and exercise.style == style for exercise in exercises) >= 6


@pytest.mark.parametrize("concept", CLASSES)
def test_classes_are_practised_by_methods(concept: str) -> None:
    exercise = exercise_for(concept, Random(1), NOTHING)
    assert exercise is not None
    assert exercise.prompt.startswith("class ")


def test_no_exercise_contains_a_held_out_composition() -> None:
    free = [exercise_for("list_filtering", Random(seed), NOTHING) for seed in range(40)]
    keys = {exercise.blueprint for exercise in free if exercise is not None and exercise.blueprint.count(">") > 1}
    assert len(keys) > 10
    guard = HeldOut.of(keys)
    for seed in range(40):
        exercise = exercise_for("list_filtering", Random(seed), guard)
        assert exercise is not None
        assert not guard.forbids(operations(exercise.blueprint))


def test_where_everything_is_held_out_there_is_no_exercise() -> None:
    singles = HeldOut(frozenset((name,) for name in OPERATIONS))

    class Everything(HeldOut):
        def forbids(self, operations: tuple[str, ...]) -> bool:
            return True

    assert exercise_for("primes", Random(1), Everything(singles.chains)) is None
