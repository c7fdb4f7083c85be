"""Test cases: made from meanings, varied, and refused where they could not tell right from wrong."""

from __future__ import annotations

from random import Random

import pytest

from codeprimer.curriculum.binding import LARGEST, Applied, Argument, OutsideError, arguments_of, bind, literal, meaning
from codeprimer.curriculum.cases import FEWEST, WANTED, draw_cases
from codeprimer.curriculum.catalogue import chain_of


def applied(*names: str, seed: int = 1) -> tuple[Applied, ...]:
    return bind(chain_of(names), Random(seed))


def test_cases_are_many_distinct_and_varied() -> None:
    cases = draw_cases("integers", applied("keep_even", "total"), Random(3))
    assert cases is not None
    assert FEWEST <= len(cases) <= WANTED
    assert len({literal(case.value) for case in cases}) == len(cases)
    assert len({case.result for case in cases}) >= 3


def test_edge_cases_come_first() -> None:
    cases = draw_cases("integers", applied("square_each"), Random(3))
    assert cases is not None
    assert any(case.value in ([], [4], [3, 3]) for case in cases[:2])


def test_results_come_from_the_meaning() -> None:
    cases = draw_cases("integers", applied("keep_even", "total"), Random(3))
    assert cases is not None
    assert all(case.result == sum(x for x in case.value if x % 2 == 0) for case in cases)


def test_a_step_that_changes_nothing_is_refused() -> None:
    assert draw_cases("integers", applied("sort", "total"), Random(1)) is None
    assert draw_cases("text", applied("upper", "text_length"), Random(1)) is None


def test_tests_that_always_give_the_same_are_refused() -> None:
    assert draw_cases("integers", applied("square_each", "any_negative"), Random(1)) is None


def test_a_question_needs_both_answers() -> None:
    for seed in range(5):
        cases = draw_cases("integer", applied("is_even"), Random(seed))
        assert cases is not None
        assert {case.result for case in cases} == {True, False}


def test_at_most_one_parameter_becomes_an_argument() -> None:
    for seed in range(200):
        assert len(arguments_of(applied("keep_greater", "add_each", "first_few", seed=seed))) <= 1


def test_an_argument_is_drawn_anew_for_each_test() -> None:
    chain = next(chain for seed in range(50) if arguments_of(chain := applied("keep_greater", seed=seed)))
    name = arguments_of(chain)[0].name
    cases = draw_cases("integers", chain, Random(1))
    assert cases is not None
    assert len({case.arguments[name] for case in cases}) > 1
    assert chain[0].holes["k"] == name
    assert all(case.result == [x for x in case.value if x > case.arguments[name]] for case in cases)


def test_second_inputs_are_always_arguments_with_names_of_their_own() -> None:
    chain = applied("union", "difference")
    names = [argument.name for argument in arguments_of(chain)]
    assert len(set(names)) == 2
    assert all(isinstance(one.parameters[0], Argument) for one in chain)


def test_values_outside_the_specification_or_too_large_are_not_tested() -> None:
    with pytest.raises(OutsideError):
        meaning(applied("digit_sum"), -3, {})
    with pytest.raises(OutsideError):
        meaning(applied("square"), LARGEST, {})
    with pytest.raises(OutsideError):
        meaning(applied("double_characters"), "a" * 60, {})


def test_equal_sets_have_equal_texts() -> None:
    assert literal({16, 1, 17}) == literal({17, 16, 1}) == "{1, 16, 17}"
    assert literal(set()) == "set()"
    assert literal(True) == "True"
