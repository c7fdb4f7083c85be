"""How far two judgements of the same documents agree.

Reads pairs of points. Its one idea: exact agreement alone says little where most documents get the same points, so it is
given beside what chance would give (Cohen's kappa with quadratic weights, which counts near misses as near).
"""

from __future__ import annotations

from collections import Counter
from typing import Any


class Agreement:
    """Counts pairs."""

    def __init__(self) -> None:
        self._pairs: Counter[tuple[int, int]] = Counter()

    def add(self, one: int, other: int) -> None:
        """Count one document's two judgements [points, 0-5]."""
        self._pairs[one, other] += 1

    def facts(self) -> dict[str, Any]:
        """Return figures; those that need pairs are None where there are none."""
        total = self._pairs.total()
        if not total:
            return {"documents": 0, "equal": None, "within_one": None, "kappa": None}
        equal = sum(count for (one, other), count in self._pairs.items() if one == other)
        near = sum(count for (one, other), count in self._pairs.items() if abs(one - other) <= 1)
        return {
            "documents": total,
            "equal": round(equal / total, 4),
            "within_one": round(near / total, 4),
            "kappa": self._kappa(total),
        }

    def _kappa(self, total: int) -> float | None:
        """Return Cohen's weighted kappa (Cohen 1968): 1 - observed / expected disagreement; None without any spread."""
        ones: Counter[int] = Counter()
        others: Counter[int] = Counter()
        for (one, other), count in self._pairs.items():
            ones[one] += count
            others[other] += count
        observed = sum((one - other) ** 2 * count for (one, other), count in self._pairs.items()) / total
        expected = sum((one - other) ** 2 * ones[one] * others[other] for one in ones for other in others) / (
            total * total
        )
        return round(1 - observed / expected, 4) if expected else None
