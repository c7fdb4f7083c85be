"""What chains do: equal by name, by meaning, and shown in a lesson."""

from __future__ import annotations

import ast
import contextlib
import io
from collections.abc import Callable, Iterator
from copy import deepcopy
from random import Random
from string import Template
from typing import Any

from codeprimer.authors.backdrops import Backdrop
from codeprimer.authors.offline.lessons import lessons
from codeprimer.curriculum.binding import literal
from codeprimer.curriculum.blueprints import Blueprint
from codeprimer.curriculum.catalogue import canonical, practised
from codeprimer.curriculum.demonstrated import is_demonstrated
from codeprimer.curriculum.heldout import NOTHING, HeldOut
from codeprimer.curriculum.values import TYPES
from codeprimer.exam.behaviour import GLANCE, INPUTS, Known, Results, agree, inputs_of, known_chains, run, shorter_equal


def shorter(key: str, held_out: HeldOut = NOTHING) -> tuple[str, ...] | None:
    source, *operations = key.split(">")
    return shorter_equal(Blueprint(source, tuple(operations)), held_out)


def test_a_pair_that_does_what_one_operation_does_is_found() -> None:
    assert shorter("text>list_characters>tally_words") == ("count_characters",)
    assert shorter("integers>sort>last_item") == ("largest",)
    assert shorter("grid>transpose>diagonal") == ("diagonal",)
    assert shorter("text>list_characters>lengths") is None
    assert shorter("integers>keep_even>total") is None


def test_a_triple_that_does_what_a_pair_does_is_found_unless_the_pair_is_held_out_too() -> None:
    assert shorter("text>list_characters>tally_words>key_of_largest") == ("count_characters", "key_of_largest")
    held_out = HeldOut.of(["text>count_characters>key_of_largest"])
    assert shorter("text>list_characters>tally_words>key_of_largest", held_out) is None
    assert shorter("integers>square_each>differences>largest") is None


def test_operations_of_one_meaning_have_one_name_and_others_have_their_own() -> None:
    groups: dict[tuple[str, str, Results], set[str]] = {}
    for source in dict.fromkeys(operation.source for operation in practised() if TYPES[operation.source].parameters):
        for target, listed in known_chains(source, 1).items():
            for known in listed:
                results = run(known.chain, source, INPUTS)
                groups.setdefault((source, target, results), set()).add(known.operations[0])
    alike = [group for group in groups.values() if len(group) > 1]
    assert alike == [{"sort", "insertion_sort", "selection_sort"}]
    for group in groups.values():
        assert len({canonical((name,)) for name in group}) == 1
    assert canonical(("zero_negatives", "selection_sort")) == ("zero_negatives", "sort")


def test_what_a_function_of_a_lesson_does_in_two_steps_is_listed_as_demonstrated() -> None:
    found = 0
    for concept, lesson in lessons().items():
        for program in lesson.demonstrations:
            for function, name, types in functions(program):
                for known in equal_pairs(function, types):
                    found += 1
                    assert is_demonstrated(known.operations), f"{concept}: {name} shows {known.operations}"
    assert found > 20


def functions(template: str) -> Iterator[tuple[Callable[..., Any], str, tuple[str, ...]]]:
    """Yield the typed functions of one or two parameters that a program defines."""
    program = Template(template).substitute(Backdrop(Random(1)).holes())
    space: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(program, space)
    for node in ast.parse(program).body:
        if isinstance(node, ast.FunctionDef) and node.args.args and len(node.args.args) <= 2 and node.returns:
            kinds = [argument.annotation for argument in node.args.args]
            annotations = tuple(ast.unparse(kind) for kind in [*kinds, node.returns] if kind)
            yield space[node.name], node.name, annotations


SECOND: dict[str, tuple[Any, ...]] = {"int": tuple(range(2, 10)), "str": ("a", "e", "n", "fig", "ann")}
"""What a second parameter is tried with."""


def equal_pairs(function: Callable[..., Any], annotations: tuple[str, ...]) -> Iterator[Known]:
    """Yield the pairs that do what a function does, where no single operation does."""
    first, *second, returned = annotations
    arguments: list[tuple[Any, ...]] = [(value,) for value in SECOND.get(second[0], ())] if second else [()]
    # The state of an object is a number or a list as well, but no function here works on an object.
    sources = [k.name for k in TYPES.values() if k.annotation == first and k.parameters and not k.methods_only]
    for source in sources:
        for extra in arguments:
            results = run_function(function, source, extra)
            unchanged = results == tuple(map(literal, inputs_of(source)))
            if unchanged or sum(result is not None for result in results) < 20 or len(set(results)) < 5:
                continue
            singles, pairs = (
                [known for known in of_length(source, returned, length) if same(results, known, source)]
                for length in (1, 2)
            )
            yield from [] if singles else pairs


def run_function(function: Callable[..., Any], source: str, extra: tuple[Any, ...]) -> Results:
    def one(value: Any) -> str | None:
        try:
            return literal(function(deepcopy(value), *extra))
        except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError):
            return None

    return tuple(one(value) for value in inputs_of(source))


def of_length(source: str, annotation: str, length: int) -> Iterator[Known]:
    for target, listed in known_chains(source, length).items():
        if TYPES[target].annotation == annotation:
            yield from listed


def same(results: Results, known: Known, source: str) -> bool:
    """Tell whether a chain does what a function does, wherever the chain's specification covers the input."""
    if not agree(known.glance, results[:GLANCE]):
        return False
    means = run(known.chain, source, INPUTS)
    return agree(means, results) and sum(result is not None for result in means) >= 20
