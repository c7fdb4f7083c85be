"""The threshold that keeps a fraction of the bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeprimer.quality.selection import find_threshold


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 1000)), min_size=1, max_size=50),
    st.floats(0.01, 1.0),
)
def test_kept_documents_fit_the_fraction_and_one_more_would_not(pairs: list[tuple[int, int]], fraction: float) -> None:
    scores = np.array([score / 20 for score, _ in pairs], dtype=np.float32)
    sizes = np.array([size for _, size in pairs], dtype=np.int64)
    threshold = find_threshold(scores, sizes, fraction)
    kept = scores >= threshold
    assert kept.any()
    allowed = fraction * sizes.sum()
    if sizes[kept].sum() > allowed:
        assert threshold == scores.max()  # at least the best is kept
    elif not kept.all():
        next_lower = scores[~kept].max()
        assert sizes[scores >= next_lower].sum() > allowed


@pytest.mark.parametrize(("fraction", "kept"), [(0.25, 1), (0.5, 2), (0.74, 2), (1.0, 4)])
def test_the_setting_is_the_fraction_of_bytes(fraction: float, kept: int) -> None:
    scores = np.array([0.1, 0.9, 0.5, 0.3], dtype=np.float32)
    sizes = np.full(4, 100, dtype=np.int64)
    assert (scores >= find_threshold(scores, sizes, fraction)).sum() == kept
