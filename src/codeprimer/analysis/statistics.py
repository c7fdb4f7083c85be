"""How sure are we? Intervals for shares, pairs of shares, and ratios of sums.

Reads counts and NumPy arrays. One idea: no score leaves this project without an interval, and no comparison without a
paired one, unless there is too little to tell: then that is said. All intervals are two-sided, 95 %.
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
"""With fewer entries a percentile bootstrap draws the same few again and again, and its interval is far too narrow."""


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
    """A value, and the interval around it where there are enough entries to tell."""

    value: float
    interval: Interval | None


def wilson(passed: int, total: int) -> Interval:
    """Return the Wilson score interval of a share (Wilson, 1927)."""
    assert 0 <= passed <= total
    assert total > 0
    share = passed / total
    middle = (share + Z * Z / (2 * total)) / (1 + Z * Z / total)
    half = Z * math.sqrt(share * (1 - share) / total + Z * Z / (4 * total * total)) / (1 + Z * Z / total)
    # Rounding must not put a limit on the wrong side of 0, 1 or the share itself.
    return Interval(share, max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share)))


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """Return the unbiased estimate of the chance that one of k samples passes (Chen et al., 2021, equation 1)."""
    assert 0 <= passed <= samples
    assert 1 <= k <= samples
    return 1.0 - math.comb(samples - passed, k) / math.comb(samples, k)


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p-value of McNemar's test from the pairs in which just one of the two passed."""
    discordant = only_first + only_second
    if not discordant:
        return 1.0
    tail = sum(math.comb(discordant, count) for count in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / (1 << discordant))


def paired_difference(first: Sequence[bool], second: Sequence[bool]) -> Interval:
    """Return the difference of two shares measured on the same tasks, first minus second.

    The interval is analytic: Newcombe's hybrid score for paired data (1998, method 10), which holds its level for
    shares near 0 and 1, where the normal approximation fails.
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

    The interval is a percentile bootstrap over the entries (``RESAMPLES`` draws from ``seed``), because a few long
    documents weigh most and no formula knows their spread; of fewer than ``FEWEST_ENTRIES`` there is none.
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
    """Return the difference of two ratios over the same entries, first minus second, entries drawn together."""
    return ratio_of_sums(first - second, denominators, seed)
