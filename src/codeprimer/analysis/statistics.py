"""Two-sided 95 % intervals for proportions, paired differences of proportions, and ratios of sums.

Every score of this project has an interval and every comparison a paired one, unless there is too little data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codeprimer.core.seeds import numpy_random

Floats = npt.NDArray[np.float64]

Z = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""

RESAMPLES = 2000

FEWEST_ENTRIES = 10
"""Minimum number of entries for a percentile bootstrap; with fewer its interval is far too narrow."""


@dataclass(frozen=True)
class Interval:
    """An estimate between its limits."""

    value: float
    low: float
    high: float

    @property
    def includes_zero(self) -> bool:
        """Whether zero lies within the limits."""
        return self.low <= 0.0 <= self.high


@dataclass(frozen=True)
class Estimate:
    """A value, and its interval if there are enough entries."""

    value: float
    interval: Interval | None


def wilson(passed: int, total: int) -> Interval:
    """Return the Wilson score interval of a proportion (Wilson, 1927)."""
    assert 0 <= passed <= total
    assert total > 0
    proportion = passed / total
    middle = (proportion + Z * Z / (2 * total)) / (1 + Z * Z / total)
    half = Z * math.sqrt(proportion * (1 - proportion) / total + Z * Z / (4 * total * total)) / (1 + Z * Z / total)
    # Rounding must not put a limit on the wrong side of 0, 1 or the proportion itself.
    low, high = max(0.0, min(middle - half, proportion)), min(1.0, max(middle + half, proportion))
    return Interval(proportion, low, high)


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """Return the unbiased estimate of pass@k (Chen et al., 2021, equation 1)."""
    assert 0 <= passed <= samples
    assert 1 <= k <= samples
    return 1.0 - math.comb(samples - passed, k) / math.comb(samples, k)


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p-value of McNemar's test from the counts of discordant pairs."""
    discordant = only_first + only_second
    if not discordant:
        return 1.0
    tail = sum(math.comb(discordant, count) for count in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / (1 << discordant))


def paired_difference(first: Sequence[bool], second: Sequence[bool]) -> Interval:
    """Return the difference of two proportions measured on the same tasks, first minus second.

    The interval is Newcombe's hybrid score for paired data (1998, method 10), which keeps its coverage for proportions
    near 0 and 1, where the normal approximation fails.
    """
    both = sum(a and b for a, b in zip(first, second, strict=True))
    only_first, only_second = sum(first) - both, sum(second) - both
    neither = len(first) - both - only_first - only_second
    one, two = wilson(sum(first), len(first)), wilson(sum(second), len(second))
    correlation = _correlation(both, only_first, only_second, neither)
    value = (only_first - only_second) / len(first)
    low = _hybrid(one.value - one.low, two.high - two.value, correlation)
    high = _hybrid(one.high - one.value, two.value - two.low, correlation)
    return Interval(value, max(-1.0, value - low), min(1.0, value + high))


def _hybrid(first: float, second: float, correlation: float) -> float:
    return math.sqrt(max(0.0, first * first - 2 * correlation * first * second + second * second))


def _correlation(both: int, only_first: int, only_second: int, neither: int) -> float:
    """Return the correlation of the two outcomes, with Newcombe's continuity correction."""
    product = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    if not product:
        return 0.0
    excess = float(both * neither - only_first * only_second)
    if excess > 0:
        excess = max(excess - (both + only_first + only_second + neither) / 2, 0.0)
    return excess / math.sqrt(product)


def ratio_of_sums(numerators: Floats, denominators: Floats, seed: int) -> Estimate:
    """Return sum(numerators) / sum(denominators), such as bits per byte over packages.

    The interval is a percentile bootstrap over the entries (``RESAMPLES`` resamples), because a few long documents
    dominate and no formula gives their spread; with fewer than ``FEWEST_ENTRIES`` there is none.
    """
    assert len(numerators) == len(denominators) > 0
    value = float(numerators.sum() / denominators.sum())
    if len(numerators) < FEWEST_ENTRIES:
        return Estimate(value, None)
    ratios = np.empty(RESAMPLES)
    random = numpy_random(seed, "bootstrap")
    for index in range(RESAMPLES):
        drawn = random.integers(0, len(numerators), len(numerators))
        ratios[index] = numerators[drawn].sum() / denominators[drawn].sum()
    low, high = np.quantile(ratios, [0.025, 0.975])
    return Estimate(value, Interval(value, float(low), float(high)))


def paired_ratio_difference(first: Floats, second: Floats, denominators: Floats, seed: int) -> Estimate:
    """Return the difference of two ratios over the same entries, first minus second, with a paired bootstrap."""
    return ratio_of_sums(first - second, denominators, seed)
