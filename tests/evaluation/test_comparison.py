"""Comparisons: the interval decides what the sentence says."""

from __future__ import annotations

import pytest

from codeprimer.benchmarks.grading import Sample
from codeprimer.evaluation.comparison import bits_value, compare_bits, compare_scores, concept_scores, score_row
from codeprimer.sandbox import Verdict, VerdictKind


def samples(pattern: str) -> list[Sample]:
    """Return samples that pass where the pattern has a ``+``; every second one needs loops."""
    kinds = [VerdictKind.passed if mark == "+" else VerdictKind.failed for mark in pattern]
    return [
        Sample(f"exam/{index}", "", "", Verdict(kind), ("loops", "lists") if index % 2 else ("lists",))
        for index, kind in enumerate(kinds)
    ]


def test_a_score_carries_its_interval() -> None:
    row = score_row("tuned", samples("+" * 95 + "-" * 5))
    assert (row["passed"], row["total"], row["value"]) == (95, 100, 0.95)
    assert row["low"] < 0.9 < 0.95 < row["high"] < 1


def test_a_clear_difference_is_stated_with_its_direction() -> None:
    graded = {"tuned": samples("+" * 90 + "-" * 10), "base": samples("+" * 10 + "-" * 90)}
    fact = compare_scores("tuned", "base", graded)
    assert fact["sentence"].startswith("tuned's pass@1 is 80.0 points higher than base's (95 % interval +")
    assert (fact["only_first"], fact["only_second"]) == (80, 0)
    assert fact["p_value"] < 1e-9
    assert "80.0 points lower than tuned" in compare_scores("base", "tuned", graded)["sentence"]


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        ("+---" * 5, "+---" * 5, "base against control: no difference; the paired interval includes zero"),
        ("+" * 3 + "-" * 97, "-" * 100, "base against control: +3.0 points; the paired interval includes zero"),
    ],
)
def test_a_difference_that_may_be_chance_is_called_so(first: str, second: str, sentence: str) -> None:
    graded = {"base": samples(first), "control": samples(second)}
    assert compare_scores("base", "control", graded)["sentence"].startswith(sentence)


def test_scores_are_also_counted_by_concept() -> None:
    graded = {"control": samples("----"), "tuned": samples("++-+")}
    assert concept_scores(graded) == [
        {"concept": "lists", "problems": 4, "control": 0, "tuned": 3},
        {"concept": "loops", "problems": 2, "control": 0, "tuned": 2},
    ]


def bits(model: str, per_byte: list[float]) -> list[dict[str, object]]:
    return [
        {
            "model": model,
            "doc_id": f"d{index}",
            "package": f"p{index}",
            "bytes": 100 + index,
            "bits": value * (100 + index),
        }
        for index, value in enumerate(per_byte)
    ]


def test_fewer_bits_per_byte_are_reported_as_such_and_more_too() -> None:
    base, control = bits("base", [1.5, 2.0, 2.5] * 10), bits("control", [1.6, 2.2, 2.6] * 10)
    assert bits_value(base, 1)["value"] == pytest.approx(2.0, abs=0.01)
    fact = compare_bits(base, control, 1)
    assert fact["high"] < 0
    assert fact["sentence"].startswith("base needs 0.133 bits per byte fewer than control (95 % interval -0.")
    assert "0.133 bits per byte more than base" in compare_bits(control, base, 1)["sentence"]


def test_texts_of_one_package_count_as_one_draw() -> None:
    base, control = bits("base", [1.5, 1.9] * 20), bits("control", [1.6, 1.8] * 20)
    apart = compare_bits(base, control, 1)
    for row in (*base, *control):
        row["package"] = f"p{int(str(row['doc_id'])[1:]) % 10}"
    together = compare_bits(base, control, 1)
    assert together["difference"] == pytest.approx(apart["difference"])
    assert together["high"] - together["low"] > 1.5 * (apart["high"] - apart["low"])


@pytest.mark.parametrize("packages", [1, 2, 9])
def test_too_few_packages_for_an_interval_are_called_so(packages: int) -> None:
    base, control = bits("base", [1.5] * packages), bits("control", [1.6] * packages)
    value, fact = bits_value(base, 1), compare_bits(base, control, 1)
    assert (value["value"], value["low"], value["high"]) == (pytest.approx(1.5), None, None)
    assert (fact["low"], fact["high"]) == (None, None)
    assert fact["sentence"].startswith("base against control: -0.100 bits per byte; too few packages for an interval")
    assert f"({packages};" in fact["sentence"]


def test_bits_that_differ_either_way_are_called_equal() -> None:
    base, control = bits("base", [1.5, 2.0] * 8), bits("control", [2.0, 1.5] * 8)
    assert "cannot be told apart" in compare_bits(base, control, 1)["sentence"]
