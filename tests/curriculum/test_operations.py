"""Operations: every rendering does what the meaning says, and the catalogue is fit for teaching."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from codeprimer.authors.offline.naming import Names
from codeprimer.authors.offline.rendering import Scene, indented
from codeprimer.curriculum.binding import Applied, OutsideError, arguments_of, bind, literal, meaning
from codeprimer.curriculum.catalogue import MAKING, OPERATIONS, READING, chain_of, concepts_of, practised
from codeprimer.curriculum.concepts import CONCEPTS
from codeprimer.curriculum.operation import Operation, fill
from codeprimer.curriculum.syllabus import PRACTISED
from codeprimer.curriculum.values import TYPES

NAMES = Names("solve", "given", "x", "w", "c", "Box")


def renderings(scene: Scene, applied: Applied) -> Iterator[str]:
    """Yield every way in which an operation can be written as statements that return its result."""
    operation = applied.operation
    holes = scene.holes(applied, "given", "made")
    if operation.inline:
        yield f"return {fill(operation.inline, holes)}"
    for block in (*operation.blocks, operation.recursive):
        if block:
            yield f"{fill(block, holes)}\nreturn made"
    for block in operation.returning:
        yield fill(block, holes)
    if operation.change:
        yield f"{fill(operation.change, holes | {'v': 'state[0]'})}\nreturn state[0]"
    if operation.fold:
        update = fill(operation.fold.update, holes)
        yield f"made = {operation.fold.start}\nfor {holes['x']} in given:\n{indented(update)}\nreturn made"


def run(body: str, value: Any, arguments: dict[str, Any]) -> Any:
    """Run statements as a function of ``given`` and the arguments."""
    head = "".join(f", {name}" for name in arguments)
    program = f"def solve(given{head}):\n    state = [given]\n{indented(body)}\n"
    space: dict[str, Any] = {}
    exec(program, space)
    return space["solve"](value, *arguments.values())


def inputs(
    operation: Operation, random: Random, draws: int
) -> Iterator[tuple[tuple[Applied, ...], Any, dict[str, Any]]]:
    """Yield bound operations with values and arguments that they are specified for."""
    kind = TYPES[operation.source]
    for draw in range(draws):
        chain = bind((operation,), random)
        value = kind.edges[draw] if draw < len(kind.edges) else kind.draw(random)
        yield chain, value, {argument.name: argument.parameter.draw(random) for argument in arguments_of(chain)}


@pytest.mark.parametrize("name", list(OPERATIONS))
def test_every_rendering_does_what_the_meaning_says(name: str) -> None:
    operation = OPERATIONS[name]
    random = Random(name)
    tried = 0
    for chain, value, arguments in inputs(operation, random, 60):
        if operation.source == "labels":
            value = {3: "fig", 1: "pear", 2: "ann"}
        if operation.name == "binary_search":
            value = sorted(value)
        before = literal(value)
        try:
            expected = meaning(chain, value, arguments)
        except OutsideError:
            continue
        assert literal(value) == before, "a meaning must not change its input"
        tried += 1
        scene = Scene(operation.source, chain, NAMES, tuple(arguments_of(chain)), "given", ())
        for body in renderings(scene, chain[0]):
            fresh = copy.deepcopy(value)
            found = run(body, fresh, arguments)
            assert (type(found), found) == (type(expected), expected), body
            assert operation.change or literal(fresh) == before, "a solution must not change its input"
    assert tried >= 10


@pytest.mark.parametrize("name", list(OPERATIONS))
def test_an_operation_has_words_code_and_known_concepts(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation.concepts and set(operation.concepts) <= set(CONCEPTS)
    assert operation.do and (operation.give or operation.change)
    assert operation.inline or operation.blocks or operation.returning or operation.change
    holes = {parameter.name: "7" for parameter in operation.parameters} | {"it": "it"}
    for template in (*operation.do, *operation.give):
        text = fill(template, holes)
        assert text == text.strip() and not text.endswith("."), text
    assert operation.source in TYPES and operation.target in TYPES


def test_the_catalogue_is_large_and_spans_the_curriculum() -> None:
    assert len(OPERATIONS) >= 90
    practised = {concept for operation in OPERATIONS.values() for concept in operation.concepts}
    assert len(practised) >= 60
    assert practised >= {"strings", "lists", "dictionary_lookup", "sets", "recursion_on_numbers", "simple_classes"}


def test_the_catalogue_can_be_asked_by_either_end() -> None:
    assert all(operation.source == kind for kind, found in READING.items() for operation in found)
    assert all(operation.target == kind for kind, found in MAKING.items() for operation in found)
    assert sum(map(len, READING.values())) == sum(map(len, MAKING.values())) == len(PRACTISED)


def test_the_practised_operations_cover_nearly_all_concepts() -> None:
    everything = {concept for operation in OPERATIONS.values() for concept in operation.concepts}
    covered = {concept for operation in practised() for concept in operation.concepts}
    assert len(covered) >= max(40, 0.9 * len(everything))


def test_a_chain_whose_types_do_not_fit_is_a_bug() -> None:
    assert [operation.name for operation in chain_of(("keep_even", "total"))] == ["keep_even", "total"]
    with pytest.raises(AssertionError, match="upper cannot follow total"):
        chain_of(("total", "upper"))


def test_concepts_are_listed_once_in_order_of_appearance() -> None:
    assert concepts_of(("keep_even", "keep_odd"))[0] == "list_filtering"
    assert len(set(concepts_of(("keep_even", "keep_odd")))) == len(concepts_of(("keep_even", "keep_odd")))


def test_no_name_means_two_things() -> None:
    parameters = {name for kind in TYPES.values() for name in kind.parameters}
    elements = {name for kind in TYPES.values() for name in kind.elements} | {"key", "value", "name", "score", "row"}
    results = {operation.result for operation in OPERATIONS.values()}
    arguments = {name for operation in OPERATIONS.values() for one in operation.parameters for name in one.arguments}
    groups = [parameters, elements, results, arguments]
    clashes = [a & b for i, a in enumerate(groups) for b in groups[i + 1 :] if a & b]
    assert clashes == []
