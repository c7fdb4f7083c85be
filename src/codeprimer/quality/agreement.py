"""Measures how closely two annotators agree on the same documents.

Exact agreement alone says little when most documents get the same points, so Cohen's kappa (1968) corrects for chance.
Its weights are quadratic, so that small differences are penalised less than large ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class Agreement:
    """Collects pairs of ratings."""

    def __init__(self) -> None:
        self._pairs: list[tuple[int, int]] = []

    def add(self, first: int, second: int) -> None:
        """Add one document's two ratings [points, 0-5]."""
        self._pairs.append((first, second))

    def facts(self) -> dict[str, Any]:
        """Return the figures; undefined figures are None."""
        if not self._pairs:
            return {"documents": 0, "equal": None, "within_one": None, "kappa": None}
        first, second = np.array(self._pairs).T
        distance = np.abs(first - second)
        return {
            "documents": len(self._pairs),
            "equal": round(float((distance == 0).mean()), 4),
            "within_one": round(float((distance <= 1).mean()), 4),
            "kappa": self._kappa(),
        }

    def _kappa(self) -> float | None:
        """Return Cohen's weighted kappa; None if all ratings are equal."""
        from sklearn.metrics import cohen_kappa_score

        first, second = zip(*self._pairs, strict=True)
        if len({*first, *second}) == 1:
            return None
        return round(float(cohen_kappa_score(first, second, labels=range(6), weights="quadratic")), 4)
