"""Computes pass@k, with a confidence interval, from each task's samples.

With one sample per task, pass@k is a proportion with Wilson's interval. With more, it is a mean over tasks with an
interval from a bootstrap over tasks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from codeprimer.analysis.statistics import Estimate, pass_at_k, ratio_of_sums, wilson
from codeprimer.sandbox import Verdict

REPORTED_K = (1, 5, 10, 50, 100)
"""The values of k that are reported if there are enough samples."""


def pass_rates(verdicts: Sequence[Sequence[Verdict]], seed: int) -> list[dict[str, Any]]:
    """Return pass@k (Chen et al., 2021) for every k to report, from the verdicts of each problem's samples."""
    samples = len(verdicts[0])
    counts = [sum(verdict.passed for verdict in row) for row in verdicts]
    return [
        {"k": k, "samples": samples, "problems": len(verdicts), **_facts(_estimate(counts, samples, k, seed))}
        for k in REPORTED_K
        if k <= samples
    ]


def _estimate(counts: Sequence[int], samples: int, k: int, seed: int) -> Estimate:
    if samples == 1:
        interval = wilson(sum(counts), len(counts))
        return Estimate(interval.value, interval)
    values = np.array([pass_at_k(samples, count, k) for count in counts])
    return ratio_of_sums(values, np.ones(len(values)), seed)


def _facts(estimate: Estimate) -> dict[str, float | None]:
    interval = estimate.interval
    return {
        "value": estimate.value,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
    }


def verdict_counts(verdicts: Sequence[Sequence[Verdict]]) -> dict[str, int]:
    """Return the number of samples for each kind of verdict."""
    return dict(sorted(Counter(verdict.kind.value for row in verdicts for verdict in row).items()))
