"""Scores that mean what they say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from codeprimer.quality.calibration import Calibration, fit_calibration
from codeprimer.quality.metrics import brier

Floats = npt.NDArray[np.float64]


def sample(count: int, seed: int) -> tuple[Floats, npt.NDArray[np.bool_], Floats]:
    """Return scores, labels, and true probabilities: the log-odds of the scores are too small by a factor."""
    generator = np.random.Generator(np.random.PCG64(seed))
    odds = generator.normal(-1, 2, count)
    scores = 1 / (1 + np.exp(-odds / 3))
    real = 1 / (1 + np.exp(-odds))
    return scores, generator.random(count) < real, real


def test_probabilities_come_close_to_the_truth() -> None:
    scores, good, _ = sample(2_000, 1)
    fitted = fit_calibration(scores, good)
    assert fitted is not None
    scores, good, real = sample(5_000, 2)
    probabilities = fitted.apply(scores)
    assert np.abs(probabilities - real).mean() < 0.03
    assert brier(probabilities, good) < brier(scores, good) - 0.02


def test_the_order_of_all_scores_is_kept_without_ties() -> None:
    scores = np.linspace(0, 1, 1_001)
    assert (np.diff(Calibration(2.3, -1.0).apply(scores)) > 0).all()


def test_perfectly_separated_classes_still_give_finite_parameters() -> None:
    scores = np.array([0.0, 0.01, 0.02, 0.9, 1.0])
    fitted = fit_calibration(scores, scores > 0.5)
    assert fitted is not None
    assert np.isfinite([fitted.slope, fitted.shift]).all()
    assert 0 < fitted.apply(scores)[0] < 0.3 < 0.7 < fitted.apply(scores)[-1] < 1


def test_the_fit_is_the_maximum_of_the_likelihood() -> None:
    from sklearn.linear_model import LogisticRegression

    scores, good, _ = sample(300, 3)
    fitted = fit_calibration(scores, good)
    assert fitted is not None
    inner = 1e-3 + (1 - 2e-3) * scores
    positives, negatives = good.sum(), (~good).sum()
    targets = np.where(good, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    log_odds = np.log(inner / (1 - inner))[:, None]
    # Platt's targets are probabilities, so each document counts as both classes, weighted.
    model = LogisticRegression(C=np.inf, tol=1e-10).fit(
        np.concatenate([log_odds, log_odds]),
        np.repeat([True, False], len(scores)),
        np.concatenate([targets, 1 - targets]),
    )
    assert (fitted.slope, fitted.shift) == pytest.approx((model.coef_[0, 0], model.intercept_[0]), abs=1e-5)


@pytest.mark.parametrize("good", [[False] * 4, [True] * 4, [True, True, False, False]])
def test_there_is_no_calibration_from_one_class_or_from_reversed_scores(good: list[bool]) -> None:
    assert fit_calibration(np.array([0.1, 0.2, 0.8, 0.9]), np.array(good)) is None
