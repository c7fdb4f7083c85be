"""Two-sided 95 % confidence intervals for proportions, paired differences of proportions, and ratios of sums.

Every score that codeprimer reports has an interval, and every comparison has a paired interval, unless there is too little
data. SciPy is imported on first use, so that the command line starts without it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codeprimer.core.seeds import numpy_random

Floats = npt.NDArray[np.float64]

RESAMPLES = 2000
"""Number of bootstrap resamples."""

MINIMUM_ENTRIES = 10
"""Minimum number of entries; with fewer entries, a percentile bootstrap gives an interval that is far too narrow."""

_DRAWN = 2**18
"""Number of entries that a bootstrap draws at a time, over all its resamples, to limit memory use."""


@dataclass(frozen=True)
class Interval:
    """An estimate and its confidence limits."""

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
    from scipy.stats import binomtest

    limits = binomtest(passed, total).proportion_ci(method="wilson")
    return Interval(passed / total, float(limits.low), float(limits.high))


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """Return the unbiased estimate of the probability that any of k samples passes (Chen et al., 2021, equation 1)."""
    assert 0 <= passed <= samples
    assert 1 <= k <= samples
    return 1.0 - math.comb(samples - passed, k) / math.comb(samples, k)


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p-value of McNemar's test, from the numbers of pairs in which exactly one side passed."""
    from scipy.stats import binomtest

    discordant = only_first + only_second
    return float(binomtest(only_first, discordant).pvalue) if discordant else 1.0


def paired_difference(first: Sequence[bool], second: Sequence[bool]) -> Interval:
    """Return the difference between two proportions that were measured on the same tasks, first minus second.

    The interval is Newcombe's hybrid score interval for paired data (1998, method 10). It keeps its coverage for
    proportions near 0 and 1, where the normal approximation fails.
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

    The interval comes from a percentile bootstrap over the entries, because a few long documents dominate the sums and no
    formula gives their spread. With fewer than ``MINIMUM_ENTRIES``, the interval is None. Equal seeds give equal intervals.
    """
    assert len(numerators) == len(denominators) > 0
    value = float(numerators.sum() / denominators.sum())
    if len(numerators) < MINIMUM_ENTRIES:
        return Estimate(value, None)
    from scipy.stats import bootstrap

    limits = bootstrap(
        (numerators, denominators),
        lambda above, below, axis: above.sum(axis) / below.sum(axis),
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=max(1, _DRAWN // len(numerators)),
        method="percentile",
        rng=numpy_random(seed, "bootstrap"),
    ).confidence_interval
    return Estimate(value, Interval(value, float(limits.low), float(limits.high)))


def paired_ratio_difference(first: Floats, second: Floats, denominators: Floats, seed: int) -> Estimate:
    """Return the difference between two ratios over the same entries, first minus second, with a paired bootstrap interval."""
    return ratio_of_sums(first - second, denominators, seed)
