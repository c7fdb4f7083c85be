"""Scores that mean what they say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from codeprimer.quality.calibration import Calibration, fit_calibration
from codeprimer.quality.metrics import brier

Floats = npt.NDArray[np.float64]


def sample(count: int, seed: int) -> tuple[Floats, npt.NDArray[np.bool_], Floats]:
    """Return shares, the truth, and the real probability: the shares are too timid by a factor in log-odds."""
    generator = np.random.Generator(np.random.PCG64(seed))
    odds = generator.normal(-1, 2, count)
    shares = 1 / (1 + np.exp(-odds / 3))
    real = 1 / (1 + np.exp(-odds))
    return shares, generator.random(count) < real, real


def test_probabilities_come_close_to_the_truth() -> None:
    shares, good, _ = sample(2_000, 1)
    fitted = fit_calibration(shares, good)
    assert fitted is not None
    shares, good, real = sample(5_000, 2)
    probabilities = fitted.apply(shares)
    assert np.abs(probabilities - real).mean() < 0.03
    assert brier(probabilities, good) < brier(shares, good) - 0.02


def test_the_order_of_all_shares_is_kept_without_ties() -> None:
    shares = np.linspace(0, 1, 1_001)
    assert (np.diff(Calibration(2.3, -1.0).apply(shares)) > 0).all()


def test_perfectly_separated_classes_still_give_finite_parameters() -> None:
    shares = np.array([0.0, 0.01, 0.02, 0.9, 1.0])
    fitted = fit_calibration(shares, shares > 0.5)
    assert fitted is not None
    assert np.isfinite([fitted.slope, fitted.shift]).all()
    assert 0 < fitted.apply(shares)[0] < 0.3 < 0.7 < fitted.apply(shares)[-1] < 1


@pytest.mark.parametrize("good", [[False] * 4, [True] * 4, [True, True, False, False]])
def test_what_cannot_be_calibrated_is_said_so(good: list[bool]) -> None:
    assert fit_calibration(np.array([0.1, 0.2, 0.8, 0.9]), np.array(good)) is None
