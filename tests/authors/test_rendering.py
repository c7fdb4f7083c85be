"""Expressions inside expressions, variables, and the styles that are written in one piece."""

from __future__ import annotations

from random import Random

import pytest

from codeprimer.authors.offline.naming import Names
from codeprimer.authors.offline.rendering import Scene, indented, is_atom, parenthesized, signature, uses
from codeprimer.authors.offline.styles.fused import render_expression
from codeprimer.curriculum.binding import Applied
from codeprimer.curriculum.catalogue import OPERATIONS
from codeprimer.curriculum.operation import fill

NAMES = Names("solve", "numbers", "x", "w", "c", "Box")


def scene(*names: str, source: str = "integers", plain: bool = False) -> Scene:
    chain = tuple(Applied(OPERATIONS[name], (), {"k": "3"}) for name in names)
    return Scene(source, chain, Names("solve", "numbers", "x", "w", "c", "Box", plain), (), "numbers", ())


def inline(name: str, value: str) -> str:
    return scene(name).inline(Applied(OPERATIONS[name], (), {"k": "3"}), value)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("multiply", "n", "n * 3"),
        ("multiply", "n + 1", "(n + 1) * 3"),
        ("multiply", "f(n)", "f(n) * 3"),
        ("count", "a + b", "len(a + b)"),
        ("largest", "a + b", "max(a + b, default=0)"),
        ("total", "[x for x in a]", "sum(x for x in a)"),
        ("total", "[x for x in a] + b", "sum([x for x in a] + b)"),
        ("count", "[x for x in a]", "len([x for x in a])"),
        ("first_few", "a + b", "(a + b)[:3]"),
        ("keep_even", "a + b", "[x for x in (a + b) if x % 2 == 0]"),
    ],
)
def test_parentheses_stand_where_they_are_needed_and_nowhere_else(name: str, value: str, expected: str) -> None:
    assert inline(name, value) == expected


def test_filters_and_maps_melt_into_one_comprehension() -> None:
    body = render_expression(scene("keep_even", "square_each", "total"), Random(1))
    assert body == "return sum(x * x for x in numbers if x % 2 == 0)"


def test_what_reads_its_input_twice_is_not_nested() -> None:
    assert render_expression(scene("sort", "differences"), Random(1)) is None
    assert render_expression(scene("differences"), Random(1)) == "return [b - a for a, b in zip(numbers, numbers[1:])]"


def test_results_are_called_result_or_after_what_they_are() -> None:
    operation = OPERATIONS["keep_even"]
    assert scene("keep_even", plain=True).variable(operation) == "result"
    assert scene("keep_even").variable(operation) == "evens"
    assert scene("keep_even", plain=True).variable(operation, "result") == "output"


def test_the_signature_is_annotated() -> None:
    assert signature(scene("total"), "integer") == "def solve(numbers: list[int]) -> int:"


def test_holes_are_filled_by_name() -> None:
    assert fill("$x + $xs", {"x": "a", "xs": "b"}) == "a + b"
    with pytest.raises(KeyError):
        fill("$unknown", {})
    assert uses("$v[0] + $v[1] + $value", "v") == 2


def test_small_tools() -> None:
    assert is_atom("self.items") and not is_atom("a + b") and not is_atom("f(x)")
    assert parenthesized("not a") == "(not a)" and parenthesized("a[0]") == "a[0]"
    assert indented("a\n\n    b", 2) == "        a\n\n            b"
