"""Making scores mean what they say: Platt scaling of the forest's log-odds.

A straight line in log-odds has two parameters, so a few hundred documents are enough; and it keeps the order of all
scores, without the ties that isotonic regression makes, so any share of the corpus can be cut off.

Source: J. Platt, "Probabilistic Outputs for Support Vector Machines", 1999 (with its smoothed targets).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_EDGE = 1e-3
"""Shares nearer to 0 or 1 count as this far away; a forest of finite trees cannot be surer."""


@dataclass(frozen=True)
class Calibration:
    """``probability = sigmoid(slope * log_odds + shift)``."""

    slope: float = 1.0
    shift: float = 0.0

    def apply(self, shares: Floats) -> Floats:
        """Return probabilities for a forest's shares."""
        return _sigmoid(self.slope * _log_odds(shares) + self.shift)


def fit_calibration(shares: Floats, good: npt.NDArray[np.bool_]) -> Calibration | None:
    """Return the calibration of a forest's shares on labelled documents, by Newton's method.

    None where it cannot be told: when only one class is there, or when better shares do not mean better documents.
    """
    positives, negatives = int(good.sum()), int((~good).sum())
    if not positives or not negatives:
        return None
    targets = np.where(good, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    inputs = np.stack([_log_odds(shares), np.ones(len(shares))], axis=1)
    slope, shift = (round(float(weight), 9) for weight in _minimize(inputs, targets))
    return Calibration(slope, shift) if slope > 0 else None


def _minimize(inputs: Floats, targets: Floats) -> Floats:
    """Return the weights of the least cross-entropy; it is convex, so halving a step that climbs always ends there."""
    weights = np.zeros(inputs.shape[1])
    loss = _cross_entropy(inputs @ weights, targets)
    for _ in range(100):
        predicted = _sigmoid(inputs @ weights)
        gradient = inputs.T @ (predicted - targets)
        curvature = (inputs * (predicted * (1 - predicted))[:, None]).T @ inputs + 1e-9 * np.eye(len(weights))
        step = np.linalg.solve(curvature, gradient)
        while (next_loss := _cross_entropy(inputs @ (weights - step), targets)) > loss and np.abs(step).max() > 1e-10:
            step /= 2
        weights, loss = weights - step, next_loss
        if np.abs(step).max() < 1e-9:
            break
    return weights


def _cross_entropy(log_odds: Floats, targets: Floats) -> float:
    return float((np.logaddexp(0, log_odds) - targets * log_odds).sum())


def _log_odds(shares: Floats) -> Floats:
    # The edges are approached, not cut off, so that the order of shares beyond them is kept.
    inner = _EDGE + (1 - 2 * _EDGE) * shares
    return np.asarray(np.log(inner) - np.log1p(-inner))


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-values)))
