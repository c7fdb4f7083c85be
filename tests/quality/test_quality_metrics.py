"""The measures of a scorer, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeprimer.quality.metrics import average_precision, brier, decisions, reliability, spearman

PAIRS = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40)


@given(PAIRS)
def test_average_precision_sums_precision_over_steps_of_recall(pairs: list[tuple[int, bool]]) -> None:
    scores, good = np.array([score / 6 for score, _ in pairs]), np.array([truth for _, truth in pairs])
    if not good.any():
        assert average_precision(scores, good) is None
        return
    area = recall = 0.0
    for threshold in sorted(set(scores), reverse=True):
        chosen = scores >= threshold
        hits = (chosen & good).sum()
        area += (hits / good.sum() - recall) * hits / chosen.sum()
        recall = hits / good.sum()
    assert average_precision(scores, good) == pytest.approx(area)


@given(PAIRS)
def test_spearman_is_the_correlation_of_mean_ranks(pairs: list[tuple[int, bool]]) -> None:
    first, second = np.array([float(score) for score, _ in pairs]), np.array([float(truth) for _, truth in pairs])
    if len(set(first)) < 2 or len(set(second)) < 2:
        assert spearman(first, second) is None
        return
    ranks = [
        [(values < value).sum() + ((values == value).sum() + 1) / 2 for value in values] for values in (first, second)
    ]
    assert spearman(first, second) == pytest.approx(np.corrcoef(ranks)[0, 1])


def test_precision_recall_and_f1() -> None:
    chosen, good = np.array([True, True, True, False, False]), np.array([True, False, False, True, False])
    assert decisions(chosen, good) == {"precision": 0.3333, "recall": 0.5, "f1": 0.4}
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
    assert (table[3]["from"], table[3]["to"]) == (0.3, 0.4)
    assert sum(row["documents"] for row in reliability(np.linspace(0, 1, 101), np.ones(101, dtype=np.bool_))) == 101
