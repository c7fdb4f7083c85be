"""Blocks: numbers for people, columns of numbers set apart."""

from __future__ import annotations

from codeprimer.report.blocks import table
from codeprimer.report.wording import duration, named_counts, number, seconds_at_work


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


def test_time_in_which_steps_ran_side_by_side_counts_once() -> None:
    costs = [{"seconds": 4.0, "ended": 10.0}, {"seconds": 3.0, "ended": 9.0}, {"seconds": 2.0, "ended": 11.0}, {}]
    assert seconds_at_work(costs) == 5.0
    assert seconds_at_work([*costs, {"seconds": 1.0, "ended": 100.0}]) == 6.0


def test_a_long_list_of_counts_says_how_much_it_leaves_out() -> None:
    assert named_counts({"a": 3, "b": 1_200, "c": 1, "d": 1}, most=2) == "a 3, b 1,200 and 2 more"
