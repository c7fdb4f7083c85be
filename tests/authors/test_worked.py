from __future__ import annotations

from random import Random

from codeprimer.authors.offline.compose import specification
from codeprimer.authors.offline.worked import (
    assertion,
    choose_example,
    inputs,
    intermediate,
    remark_on_style,
    signature,
    trace,
    walk_through,
)
from codeprimer.curriculum.blueprints import Exercise, Step

EXERCISE = Exercise(
    blueprint="integers>keep_even>total",
    concepts=("list_filtering", "list_aggregation"),
    style="expression",
    entry_point="sum_evens",
    prompt=(
        "def sum_evens(numbers: list[int], extra: int) -> int:\n"
        '    """Keep the even numbers,\n    then return their sum plus extra.\n\n    >>> sum_evens([2], 1)\n    3\n    """\n'
    ),
    solution="    return sum(x for x in numbers if x % 2 == 0) + extra\n",
    tests=("assert sum_evens([], 0) == 0",),
    steps=(
        Step("keep the even numbers", "evens = [x for x in numbers if x % 2 == 0]"),
        Step("add them up, and add extra", "return sum(evens) + extra"),
    ),
    examples=(("sum_evens([], 0)", "0"), ("sum_evens([1, 2, 4], 5)", "11"), ("sum_evens([6, 8, 1, 3], 1)", "15")),
)

METHOD = Exercise(
    blueprint="integers>total",
    concepts=("list_aggregation",),
    style="steps",
    entry_point="Scores",
    prompt=(
        "class Scores:\n    def __init__(self, values: list[int]) -> None:\n        self.values = values\n\n"
        '    def total(self) -> int:\n        """Return the sum."""\n'
    ),
    solution="        return sum(self.values)\n",
    tests=("assert Scores([1]).total() == 1",),
    steps=(Step("add the numbers up", "return sum(self.values)"),),
    examples=(("Scores([1]).total()", "1"), ("Scores([1, 2]).total()", "3")),
)


def test_the_specification_is_one_line_without_the_example() -> None:
    assert specification(EXERCISE) == "Keep the even numbers, then return their sum plus extra."


def test_signatures_name_the_parameters_and_the_class_of_a_method() -> None:
    assert signature(EXERCISE) == "sum_evens(numbers, extra)"
    assert signature(METHOD) == "Scores.total()"


def test_arguments_are_found_by_the_names_of_the_parameters() -> None:
    assert inputs(EXERCISE, "sum_evens([1, 2], -4)") == {"numbers": "[1, 2]", "extra": "-4"}


def test_an_example_shows_something() -> None:
    chosen = {choose_example(EXERCISE, Random(seed)) for seed in range(20)}
    assert chosen <= {("sum_evens([1, 2, 4], 5)", "11"), ("sum_evens([6, 8, 1, 3], 1)", "15")}


def test_a_second_example_is_another_one() -> None:
    first = choose_example(EXERCISE, Random(1))
    assert choose_example(EXERCISE, Random(1), first[0]) != first


def test_every_step_is_told_with_what_it_gives() -> None:
    for seed in range(30):
        text = walk_through(EXERCISE, EXERCISE.examples[1], Random(seed))
        assert "`sum_evens([1, 2, 4], 5)`" in text
        assert "eep the even numbers" in text
        assert "`[2, 4]`" in text
        assert text.index("`[2, 4]`") < text.index("dd them up, and add extra") < text.index("`11`")


def test_the_trace_names_the_values_on_the_way() -> None:
    assert trace(EXERCISE, EXERCISE.examples[1]) == "On the way there is `[2, 4]`, and the answer is `11`."
    assert trace(METHOD, METHOD.examples[1]) == "It is `3`."


def test_a_method_has_no_intermediate_values() -> None:
    assert intermediate(METHOD, "Scores([1]).total()") == []
    assert "add the numbers up" in walk_through(METHOD, METHOD.examples[1], Random(1))


def test_a_remark_says_how_the_solution_is_written() -> None:
    assert "expression" in remark_on_style(EXERCISE, Random(1))
    assert remark_on_style(METHOD, Random(1)) == ""


def test_assertions_are_written_as_by_hand() -> None:
    assert assertion(("f(1)", "2")) == "assert f(1) == 2"
    assert assertion(("f(1)", "True")) == "assert f(1)"
    assert assertion(("f(1)", "False")) == "assert not f(1)"
