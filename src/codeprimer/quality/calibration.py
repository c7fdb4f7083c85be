"""Calibration: Platt scaling turns a scorer's scores into probabilities.

A straight line in log-odds has two parameters, so a few hundred documents are enough. It preserves the order of all
scores and, unlike isotonic regression, creates no ties, so any fraction of the corpus can be kept.

Source: J. Platt, "Probabilistic Outputs for Support Vector Machines", 1999 (with its smoothed targets).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_EDGE = 1e-3
"""Scores are squeezed to at least this distance from 0 and 1, because a few trees cannot be more certain than that."""


@dataclass(frozen=True)
class Calibration:
    """``probability = sigmoid(slope * log_odds + shift)``."""

    slope: float = 1.0
    shift: float = 0.0

    def apply(self, scores: Floats) -> Floats:
        """Return probabilities for uncalibrated scores between 0 and 1."""
        return _sigmoid(self.slope * _log_odds(scores) + self.shift)


def fit_calibration(scores: Floats, good: npt.NDArray[np.bool_]) -> Calibration | None:
    """Return the calibration that minimises the cross-entropy on labelled documents.

    Returns None if only one class is present, or if higher scores do not mean better documents.
    """
    from scipy.optimize import minimize

    positives, negatives = int(good.sum()), int((~good).sum())
    if not positives or not negatives:
        return None
    targets = np.where(good, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    inputs = np.stack([_log_odds(scores), np.ones(len(scores))], axis=1)

    def loss(weights: Floats) -> float:
        log_odds = inputs @ weights
        return float((np.logaddexp(0, log_odds) - targets * log_odds).sum())

    def gradient(weights: Floats) -> Floats:
        return inputs.T @ (_sigmoid(inputs @ weights) - targets)

    def curvature(weights: Floats) -> Floats:
        predicted = _sigmoid(inputs @ weights)
        return (inputs * (predicted * (1 - predicted))[:, None]).T @ inputs

    fit = minimize(loss, np.zeros(2), jac=gradient, hess=curvature, method="trust-exact", options={"gtol": 1e-9})
    slope, shift = (round(float(weight), 9) for weight in fit.x)
    return Calibration(slope, shift) if slope > 0 else None


def _log_odds(scores: Floats) -> Floats:
    # Squeezed, not clipped, to preserve the order of scores near 0 and 1.
    inner = _EDGE + (1 - 2 * _EDGE) * scores
    return np.asarray(np.log(inner) - np.log1p(-inner))


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-values)))
