"""The usual measures of a scorer; a measure that is undefined is None."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Truth = npt.NDArray[np.bool_]


def average_precision(scores: Floats, good: Truth) -> float | None:
    """Return the area under the precision-recall curve; None if there are no good documents."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(good, scores)) if good.any() else None


def spearman(first: Floats, second: Floats) -> float | None:
    """Return Spearman's rank correlation; None if one side is constant."""
    from scipy.stats import spearmanr

    if len(first) < 2 or not np.ptp(first) or not np.ptp(second):
        return None
    return float(spearmanr(first, second).statistic)


def decisions(chosen: Truth, good: Truth) -> dict[str, float | None]:
    """Return the rounded precision, recall and F1 of a choice of documents; undefined measures are None."""
    from sklearn.metrics import f1_score, precision_score, recall_score

    measures = {"precision": precision_score, "recall": recall_score, "f1": f1_score}
    return {name: rounded(measure(good, chosen, zero_division=math.nan)) for name, measure in measures.items()}


def brier(probabilities: Floats, good: Truth) -> float:
    """Return the mean squared difference between the probabilities and the labels; 0 is perfect."""
    from sklearn.metrics import brier_score_loss

    return float(brier_score_loss(good, probabilities, pos_label=True))


def reliability(probabilities: Floats, good: Truth, bins: int = 10) -> list[dict[str, Any]]:
    """Return the mean probability and the fraction of good documents in bins of equal width; None in empty bins."""
    from scipy.stats import binned_statistic

    (predicted, observed), edges, index = binned_statistic(probabilities, [probabilities, good], "mean", bins, (0, 1))
    counts = np.bincount(index - 1, minlength=bins)
    return [
        {
            "from": round(float(edges[bin_]), 9),
            "to": round(float(edges[bin_ + 1]), 9),
            "documents": int(counts[bin_]),
            "mean_probability": rounded(predicted[bin_]),
            "good_share": rounded(observed[bin_]),
        }
        for bin_ in range(bins)
    ]


def rounded(value: float | None) -> float | None:
    """Return a measure rounded to 4 decimal places; None if it is undefined."""
    return None if value is None or math.isnan(value) else round(float(value), 4)
