"""The threshold that keeps a given share of the bytes, and what that means for each source."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def find_threshold(scores: npt.NDArray[np.float32], sizes: npt.NDArray[np.int64], fraction: float) -> float:
    """Return the lowest score to keep, so that the documents kept hold at most ``fraction`` of all bytes.

    At least the best document is kept. Bytes are the measure because they are what a model is trained on; a share of
    the documents would favour short ones.
    """
    order = np.argsort(-scores, kind="stable")
    reached = np.cumsum(sizes[order])
    fitting = int((reached <= fraction * reached[-1]).sum())
    # Equal scores go together: a document is never kept while its equal is dropped.
    last = scores[order[max(fitting, 1) - 1]]
    if 0 < fitting < len(order) and scores[order[fitting]] == last:
        higher = scores[scores > last]
        last = higher.min() if len(higher) else last
    return float(last)
