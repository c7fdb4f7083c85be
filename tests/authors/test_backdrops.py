from __future__ import annotations

import ast
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from codeprimer.authors.backdrops import NUMBERS, PEOPLE, TABLES, WORDS, Backdrop, text_of

seeds = st.integers(min_value=0, max_value=2**63 - 1)


@given(seeds)
def test_figures_are_what_the_table_of_holes_says(seed: int) -> None:
    holes = Backdrop(Random(seed)).holes()
    value = {name: ast.literal_eval(text) for name, text in holes.items() if text[0] in '[{"-0123456789'}
    assert 5 <= len(value["ints"]) <= 7
    assert len(value["more_ints"]) == len(value["ints"])
    assert value["limit"] in value["ints"]
    assert value["low"] < value["limit"] < value["high"]
    assert value["sorted_ints"] == sorted(set(value["sorted_ints"]))
    assert value["target"] in value["sorted_ints"]
    assert value["missing"] not in value["sorted_ints"]
    assert len(set(value["repeated_ints"])) < len(value["repeated_ints"])
    assert len(set(value["repeated_strings"])) < len(value["repeated_strings"])
    assert value["known"] in value["mapping"]
    assert value["unknown"] not in value["mapping"].keys() | value["more_mapping"].keys()
    assert value["mapping"].keys() & value["more_mapping"].keys()
    assert [len(row) for row in value["grid"]] == [3, 3, 3]
    assert 2 <= value["small"] <= 5 < value["medium"] <= 12 < value["large"] <= 99
    assert holes["person"] != holes["friend"]


@given(seeds)
def test_equal_generators_give_equal_backdrops(seed: int) -> None:
    assert Backdrop(Random(seed)).holes() == Backdrop(Random(seed)).holes()


@given(seeds)
def test_one_backdrop_keeps_its_names_and_changes_its_figures(seed: int) -> None:
    backdrop = Backdrop(Random(seed))
    first, second = backdrop.holes(), backdrop.holes()
    assert all(first[name] == second[name] for name in ("numbers", "number", "words", "word", "table", "key", "person"))
    assert first != second


@given(seeds)
def test_a_table_shares_no_name_with_the_numbers_and_words_beside_it(seed: int) -> None:
    backdrop = Backdrop(Random(seed))
    names = [backdrop.numbers.plural, backdrop.numbers.singular, backdrop.words.plural, backdrop.words.singular]
    names += [backdrop.table.name, backdrop.table.key, backdrop.table.amount]
    assert len(set(names)) == len(names)


def test_every_kind_has_enough_examples_and_room() -> None:
    assert all(len(set(kind.examples)) >= 7 for kind in WORDS)
    assert all(kind.high - kind.low >= 9 for kind in NUMBERS)
    assert all(table.high - table.low >= 6 for table in TABLES)
    assert len(set(PEOPLE)) == len(PEOPLE)


def test_literals_have_double_quotes() -> None:
    assert text_of(["a", "b"]) == '["a", "b"]'
    assert text_of({"a": 1}) == '{"a": 1}'
