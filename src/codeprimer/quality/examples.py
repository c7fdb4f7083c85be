"""Chooses the documents that the report shows: the best, the worst, some around the threshold, and some in between."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from codeprimer.core.documents import Document
from codeprimer.quality.annotator import Label

_PER_KIND = 4
_LINES = 14
_LINE_WIDTH = 100
_LEAST_BYTES = 300
"""Minimum size of an excerpt; a shorter text is shown whole."""


def choose_examples(scores: npt.NDArray[np.float32], threshold: float) -> dict[int, str]:
    """Return the rows to show, each with its kind of example."""
    order = np.argsort(-scores, kind="stable")
    kept = int((scores >= threshold).sum())
    dropped = len(order) - kept
    chosen: dict[int, str] = {}
    ranks = {
        "kept: best": np.arange(min(_PER_KIND, kept)),
        "kept: between": _spread(0, kept),
        "kept: just above the threshold": np.arange(max(kept - _PER_KIND, 0), kept),
        "dropped: just below the threshold": np.arange(kept, kept + min(_PER_KIND, dropped)),
        "dropped: between": _spread(kept, len(order)),
        "dropped: worst": np.arange(max(len(order) - _PER_KIND, kept), len(order)),
    }
    for kind, selected in ranks.items():
        for rank in selected.tolist():
            chosen.setdefault(int(order[rank]), kind)
    return chosen


def _spread(start: int, end: int) -> npt.NDArray[np.int64]:
    """Return a few ranks, evenly spaced between two limits."""
    inner = np.linspace(start, end, _PER_KIND + 2)[1:-1].astype(np.int64)
    return np.unique(inner[(inner >= start) & (inner < end)])


def example(document: Document, score: float, label: Label | None) -> dict[str, Any]:
    """Return the part of a document that the report shows."""
    return {
        "doc_id": document["doc_id"],
        "path": document["path"],
        "package": document["package"],
        "score": round(score, 4),
        "points": None if label is None else label.points,
        "why": [] if label is None else list(label.why),
        "excerpt": excerpt(document["text"]),
    }


def excerpt(text: str) -> str:
    """Return some lines, starting at the first function or class, or else at the first line of code."""
    lines = text.split("\n")
    starts = [index for index, line in enumerate(lines) if line.startswith(("def ", "class ", "async def ", "@"))]
    start = starts[0] if starts else next((i for i, line in enumerate(lines) if line and line[0] != "#"), 0)
    if len("\n".join(lines[start:])) < _LEAST_BYTES:
        start = max(0, len(lines) - _LINES)
    return "\n".join(line[:_LINE_WIDTH] for line in lines[start : start + _LINES]).rstrip()
