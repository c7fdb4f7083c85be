"""The measures of a scorer, against scikit-learn's and SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeprimer.quality.metrics import average_precision, brier, decisions, reliability, spearman

PAIRS = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40)


@given(PAIRS)
def test_average_precision_is_that_of_scikit_learn(pairs: list[tuple[int, bool]]) -> None:
    from sklearn.metrics import average_precision_score

    scores, good = np.array([score / 6 for score, _ in pairs]), np.array([truth for _, truth in pairs])
    found = average_precision(scores, good)
    if not good.any():
        assert found is None
    else:
        assert found == pytest.approx(average_precision_score(good, scores))


@given(PAIRS)
def test_spearman_is_that_of_scipy(pairs: list[tuple[int, bool]]) -> None:
    from scipy.stats import spearmanr

    first, second = np.array([float(score) for score, _ in pairs]), np.array([float(truth) for _, truth in pairs])
    if len(set(first)) < 2 or len(set(second)) < 2:
        assert spearman(first, second) is None
    else:
        assert spearman(first, second) == pytest.approx(spearmanr(first, second).statistic)


def test_precision_recall_and_f1() -> None:
    chosen, good = np.array([True, True, True, False, False]), np.array([True, False, False, True, False])
    assert decisions(chosen, good) == {"precision": 1 / 3, "recall": 1 / 2, "f1": 0.4}
    none = np.zeros(5, dtype=np.bool_)
    assert decisions(none, good) == {"precision": None, "recall": 0.0, "f1": 0.0}
    assert decisions(none, none)["f1"] is None


def test_brier_and_reliability() -> None:
    probabilities, good = np.array([0.05, 0.95, 1.0, 0.52]), np.array([False, True, True, False])
    assert brier(probabilities, good) == pytest.approx((0.05**2 + 0.05**2 + 0.52**2) / 4)
    table = reliability(probabilities, good)
    assert [row["documents"] for row in table] == [1, 0, 0, 0, 0, 1, 0, 0, 0, 2]
    assert (table[9]["mean_probability"], table[9]["good_share"]) == (0.975, 1.0)
    assert table[3]["good_share"] is None
