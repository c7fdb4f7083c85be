"""Intervals: known values from the literature, and coverage by simulation."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from codeprimer.analysis.statistics import (
    FEWEST_ENTRIES,
    Estimate,
    Interval,
    mcnemar,
    paired_difference,
    paired_ratio_difference,
    pass_at_k,
    ratio_of_sums,
    wilson,
)


def test_wilson_equals_newcombes_published_example() -> None:
    interval = wilson(81, 263)
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.2553, 0.3662)
    assert round(wilson(15, 148).low, 4) == 0.0624


@given(st.integers(1, 500), st.data())
def test_wilson_contains_the_proportion_and_stays_within_zero_and_one(total: int, data: st.DataObject) -> None:
    interval = wilson(data.draw(st.integers(0, total)), total)
    assert 0.0 <= interval.low <= interval.value <= interval.high <= 1.0


@given(st.integers(1, 8), st.data())
def test_pass_at_k_is_the_mean_over_all_subsets(samples: int, data: st.DataObject) -> None:
    passed = data.draw(st.integers(0, samples))
    k = data.draw(st.integers(1, samples))
    outcomes = [index < passed for index in range(samples)]
    subsets = list(itertools.combinations(outcomes, k))
    assert pass_at_k(samples, passed, k) == pytest.approx(sum(any(subset) for subset in subsets) / len(subsets))


@pytest.mark.parametrize(
    ("first", "second", "p"), [(0, 0, 1.0), (5, 5, 1.0), (1, 9, 0.021484375), (0, 6, 0.03125), (1000, 1000, 1.0)]
)
def test_mcnemar_is_the_exact_binomial_test(first: int, second: int, p: float) -> None:
    assert mcnemar(first, second) == p == mcnemar(second, first)


def pairs(both: int, only_first: int, only_second: int, neither: int) -> tuple[list[bool], list[bool]]:
    first = [True] * (both + only_first) + [False] * (only_second + neither)
    second = [True] * both + [False] * only_first + [True] * only_second + [False] * neither
    return first, second


@pytest.mark.parametrize(("table", "low", "high"), [((36, 12, 2, 0), 0.0569, 0.3404), ((54, 0, 0, 0), -0.0664, 0.0664)])
def test_the_paired_interval_equals_newcombes_published_examples(
    table: tuple[int, int, int, int], low: float, high: float
) -> None:
    interval = paired_difference(*pairs(*table))
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


COUNT = st.integers(0, 60)


@given(COUNT, COUNT, COUNT, COUNT)
def test_exchanging_the_models_mirrors_the_interval(both: int, only_first: int, only_second: int, neither: int) -> None:
    assume(both + only_first + only_second + neither)
    first, second = pairs(both, only_first, only_second, neither)
    one, other = paired_difference(first, second), paired_difference(second, first)
    assert -1 <= one.low <= one.value <= one.high <= 1
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


def test_two_models_that_agree_everywhere_do_not_differ() -> None:
    interval = paired_difference(*pairs(5, 0, 0, 5))
    assert interval.value == 0
    assert interval.includes_zero


def test_the_paired_interval_has_its_nominal_coverage() -> None:
    generator = random.Random(0)
    covered = 0
    for _ in range(400):
        hard = [generator.random() for _ in range(80)]
        first, second = [value < 0.9 for value in hard], [value < 0.9 and generator.random() < 0.8 for value in hard]
        interval = paired_difference(first, second)
        covered += interval.low <= 0.9 - 0.72 <= interval.high
    assert covered / 400 >= 0.92


def test_the_ratio_of_sums_weighs_documents_by_size() -> None:
    bits, sizes = np.array([10.0, 100.0] * 5), np.array([10.0, 50.0] * 5)
    estimate = ratio_of_sums(bits, sizes, seed=1)
    assert estimate.value == pytest.approx(110 / 60)
    assert 1.0 <= interval_of(estimate).low < estimate.value < interval_of(estimate).high <= 2.0
    assert estimate == ratio_of_sums(bits, sizes, seed=1)


@pytest.mark.parametrize("entries", [1, 2, FEWEST_ENTRIES - 1])
def test_a_few_entries_give_a_ratio_but_no_interval(entries: int) -> None:
    bits, sizes = np.arange(1.0, entries + 1), np.full(entries, 2.0)
    assert ratio_of_sums(bits, sizes, seed=1) == Estimate((entries + 1) / 4, None)
    assert paired_ratio_difference(bits, bits, sizes, seed=1) == Estimate(0.0, None)


def interval_of(estimate: Estimate) -> Interval:
    assert estimate.interval is not None
    return estimate.interval


def test_pairing_finds_a_small_difference_that_the_spread_of_documents_hides() -> None:
    generator = np.random.default_rng(0)
    sizes = generator.uniform(100, 1000, 60)
    bits = sizes * generator.uniform(1, 4, 60)
    other = bits + sizes * generator.normal(0.05, 0.05, 60)
    assert interval_of(ratio_of_sums(bits, sizes, 1)).high > interval_of(ratio_of_sums(other, sizes, 1)).low
    difference = paired_ratio_difference(other, bits, sizes, 1)
    assert interval_of(difference).low > 0
    assert difference.value == pytest.approx(0.05, abs=0.02)
