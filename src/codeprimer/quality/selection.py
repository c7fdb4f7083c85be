"""Finds the threshold that keeps a given fraction of the bytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def find_threshold(scores: npt.NDArray[np.float32], sizes: npt.NDArray[np.int64], fraction: float) -> float:
    """Return the lowest score to keep, so that the kept documents hold at most ``fraction`` of all bytes.

    At least the best document is kept. The fraction is measured in bytes because a model is trained on bytes; a fraction
    of the documents would favour short documents.
    """
    order = np.argsort(-scores, kind="stable")
    cumulated = np.cumsum(sizes[order])
    fitting = int((cumulated <= fraction * cumulated[-1]).sum())
    # Documents with equal scores are kept or dropped together.
    last = scores[order[max(fitting, 1) - 1]]
    if 0 < fitting < len(order) and scores[order[fitting]] == last:
        higher = scores[scores > last]
        last = higher.min() if len(higher) else last
    return float(last)
