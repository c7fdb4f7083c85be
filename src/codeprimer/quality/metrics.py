"""How good a scorer is: the usual measures, in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Truth = npt.NDArray[np.bool_]


def average_precision(scores: Floats, good: Truth) -> float | None:
    """Return the area under the precision-recall curve (steps, ties taken together); None without good documents."""
    if not good.any():
        return None
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(good[order])
    last = np.append(scores[order][1:] != scores[order][:-1], True)
    precision = hits[last] / (np.flatnonzero(last) + 1)
    recall = hits[last] / good.sum()
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def spearman(first: Floats, second: Floats) -> float | None:
    """Return the rank correlation, ties sharing their mean rank; None where one side is constant."""
    if len(first) < 2:
        return None
    ranks = [_ranks(values) for values in (first, second)]
    deviations = [rank - rank.mean() for rank in ranks]
    scale = float(np.sqrt((deviations[0] ** 2).sum() * (deviations[1] ** 2).sum()))
    return float((deviations[0] * deviations[1]).sum()) / scale if scale else None


def _ranks(values: Floats) -> Floats:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[inverse])


def decisions(chosen: Truth, good: Truth) -> dict[str, float | None]:
    """Return precision, recall and F1 of choosing documents."""
    hits = int((chosen & good).sum())
    precision = hits / int(chosen.sum()) if chosen.any() else None
    recall = hits / int(good.sum()) if good.any() else None
    f1 = 2 * hits / (int(chosen.sum()) + int(good.sum())) if chosen.any() or good.any() else None
    return {"precision": precision, "recall": recall, "f1": f1}


def brier(probabilities: Floats, good: Truth) -> float:
    """Return the mean squared difference between probability and truth; 0 is perfect."""
    return float(((probabilities - good) ** 2).mean())


def reliability(probabilities: Floats, good: Truth, bins: int = 10) -> list[dict[str, Any]]:
    """Return, for bins of equal width, the mean probability and the true share of good documents."""
    place = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    rows = []
    for index in range(bins):
        inside = place == index
        rows.append(
            {
                "from": index / bins,
                "to": (index + 1) / bins,
                "documents": int(inside.sum()),
                "mean_probability": _rounded(probabilities[inside].mean()) if inside.any() else None,
                "good_share": _rounded(good[inside].mean()) if inside.any() else None,
            }
        )
    return rows


def _rounded(value: Any) -> float:
    return round(float(value), 4)
