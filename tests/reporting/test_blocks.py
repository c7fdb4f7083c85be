"""Blocks: human-readable numbers, numeric columns marked."""

from __future__ import annotations

from codeprimer.reporting.blocks import interleaved, table
from codeprimer.reporting.wording import duration, named_counts, number


def test_numbers_have_separators_and_few_digits() -> None:
    assert [number(value) for value in (1234567, 0.12345, 12.0, 123.456, 0)] == [
        "1,234,567",
        "0.123",
        "12",
        "123.5",
        "0",
    ]


def test_a_column_of_numbers_is_marked_and_an_empty_cell_does_not_spoil_it() -> None:
    block = table(("name", "count"), [("a", 1000), ("b", None)])
    assert block["numbers"] == [1]
    assert block["cells"] == [["a", "1,000"], ["b", ""]]


def test_durations_change_to_minutes_where_seconds_are_many() -> None:
    assert [duration(value) for value in (1.23, 119.0, 180.0)] == ["1.2 s", "119.0 s", "3.0 min"]


def test_a_list_of_counts_starts_with_the_largest_and_says_how_much_it_leaves_out() -> None:
    assert named_counts({"a": 3, "c": 1, "b": 1_200, "d": 1}, most=2) == "b 1,200, a 3 and 2 more"


def test_a_prefix_of_interleaved_lists_shows_every_list() -> None:
    assert interleaved([[1, 2, 3], [], [4, 5]]) == [1, 4, 2, 5, 3]
    assert interleaved([]) == []
