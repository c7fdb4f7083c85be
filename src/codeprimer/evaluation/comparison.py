"""Scores and comparisons: figures, intervals, and sentences that explain them.

Two models are compared on the same tasks or documents, pair by pair. The interval alone determines the sentence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from codeprimer.analysis.statistics import (
    MINIMUM_ENTRIES,
    Estimate,
    Floats,
    Interval,
    mcnemar,
    paired_difference,
    paired_ratio_difference,
    ratio_of_sums,
    wilson,
)
from codeprimer.benchmarks.grading import Sample
from codeprimer.core.documents import ScoreRow

Samples = Mapping[str, Sequence[Sample]]
"""Model -> its samples, in the same task order for every model."""


def score_row(model: str, samples: Sequence[Sample]) -> ScoreRow:
    """Return the row in the ``scores`` table for a model's greedy answers to the exam."""
    passed = sum(sample.passed for sample in samples)
    interval = wilson(passed, len(samples))
    return {
        "model": model,
        "task_set": "exam",
        "measure": "pass@1",
        "passed": passed,
        "total": len(samples),
        "value": interval.value,
        "low": interval.low,
        "high": interval.high,
    }


def compare_scores(first: str, second: str, samples: Samples) -> dict[str, Any]:
    """Return the paired comparison of two models on the exam: the difference in pass@1, interval and exact p-value."""
    one = [sample.passed for sample in samples[first]]
    two = [sample.passed for sample in samples[second]]
    interval = paired_difference(one, two)
    only_one = sum(a and not b for a, b in zip(one, two, strict=True))
    only_two = sum(b and not a for a, b in zip(one, two, strict=True))
    return {
        "task_set": "exam",
        "measure": "pass@1",
        "first": first,
        "second": second,
        "difference": interval.value,
        "low": interval.low,
        "high": interval.high,
        "only_first": only_one,
        "only_second": only_two,
        "p_value": mcnemar(only_one, only_two),
        "sentence": _score_sentence(first, second, interval),
    }


def _score_sentence(first: str, second: str, interval: Interval) -> str:
    limits = f"95 % interval {_points(interval.low)} to {_points(interval.high)}"
    if interval.includes_zero:
        points = f"{_points(interval.value)} points" if interval.value else "no difference"
        return f"{first} against {second}: {points}; the paired interval includes zero ({limits})."
    direction = "higher" if interval.value > 0 else "lower"
    return f"{first}'s pass@1 is {_points(abs(interval.value), False)} points {direction} than {second}'s ({limits})."


def _points(fraction: float, signed: bool = True) -> str:
    return f"{100 * fraction:{'+' if signed else ''}.1f}"


def concept_scores(samples: Samples) -> list[dict[str, Any]]:
    """Return, for each concept, how many problems need it and how many of these each model solves."""
    totals = Counter(concept for sample in next(iter(samples.values())) for concept in sample.concepts)
    solved = {
        model: Counter(concept for sample in graded if sample.passed for concept in sample.concepts)
        for model, graded in samples.items()
    }
    return [
        {"concept": concept, "problems": total, **{model: solved[model][concept] for model in samples}}
        for concept, total in sorted(totals.items())
    ]


def bits_value(rows: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    """Return a model's bits per byte on one set of texts, with an interval from a bootstrap over packages.

    ``low`` and ``high`` are None if there are too few packages for an interval.
    """
    estimate = ratio_of_sums(_by_package(rows, "bits"), _by_package(rows, "bytes"), seed)
    return {"model": rows[0]["model"], "value": estimate.value, **_limits(estimate)}


def _limits(estimate: Estimate) -> dict[str, float | None]:
    interval = estimate.interval
    return {"low": interval.low if interval else None, "high": interval.high if interval else None}


def compare_bits(first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    """Return the paired comparison of two models' bits per byte on the same documents."""
    assert [row["doc_id"] for row in first] == [row["doc_id"] for row in second]
    bits, others, sizes = _by_package(first, "bits"), _by_package(second, "bits"), _by_package(first, "bytes")
    estimate = paired_ratio_difference(bits, others, sizes, seed)
    names = first[0]["model"], second[0]["model"]
    return {
        "first": names[0],
        "second": names[1],
        "difference": estimate.value,
        **_limits(estimate),
        "sentence": _bits_sentence(*names, estimate, len(sizes)),
    }


def _bits_sentence(first: str, second: str, estimate: Estimate, packages: int) -> str:
    interval = estimate.interval
    if interval is None:
        return (
            f"{first} against {second}: {estimate.value:+.3f} bits per byte; too few packages for an interval "
            f"({packages}; at least {MINIMUM_ENTRIES} are needed)."
        )
    limits = f"95 % interval {interval.low:+.3f} to {interval.high:+.3f}"
    if interval.includes_zero:
        return (
            f"{first} and {second} cannot be told apart: {interval.value:+.3f} bits per byte; the paired interval "
            f"includes zero ({limits})."
        )
    direction = "fewer" if interval.value < 0 else "more"
    return f"{first} needs {abs(interval.value):.3f} bits per byte {direction} than {second} ({limits})."


def _by_package(rows: Sequence[Mapping[str, Any]], name: Literal["bits", "bytes"]) -> Floats:
    """Return the column's sum for each package, in the order of the packages' first texts.

    Whole packages are held out, and texts from one package are similar, so resampling texts would make intervals too narrow.
    """
    sums: dict[str, float] = {}
    for row in rows:
        sums[row["package"]] = sums.get(row["package"], 0.0) + row[name]
    return np.array(list(sums.values()), dtype=np.float64)
