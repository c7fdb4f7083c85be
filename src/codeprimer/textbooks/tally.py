"""Section figures for the manifest and the report."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import Any

import numpy as np

from codeprimer.analysis.prose import code_blocks
from codeprimer.authors.tally import Tally, hashed
from codeprimer.core.documents import SectionRow

BUCKET = 50
"""Bin width of the length histogram [words]."""


class SectionTally(Tally):
    """Counts sections as they are written."""

    def __init__(self, expected: int) -> None:
        """``expected`` is the number of sections; it determines which three become examples."""
        super().__init__()
        self._concepts: Counter[str] = Counter()
        self._audiences: Counter[str] = Counter()
        self._lengths: Counter[int] = Counter()
        self._words = 0
        self._characters = 0
        self._blocks = array("Q")
        # From the beginning, the middle and the end of the curriculum.
        self._shown = {expected // 6, expected // 2, expected * 5 // 6}
        self._examples: list[dict[str, str]] = []

    def keep(self, row: SectionRow) -> None:
        """Count a kept section."""
        text = row["text"]
        words = len(text.split())
        if self.kept in self._shown:
            self._examples.append({"concept": row["concept"], "audience": row["audience"], "text": text})
        self.kept += 1
        self._concepts[row["concept"]] += 1
        self._audiences[row["audience"]] += 1
        self._lengths[words // BUCKET * BUCKET] += 1
        self._words += words
        self._characters += len(text)
        self._blocks.extend(map(hashed, code_blocks(text)))

    def facts(self) -> dict[str, Any]:
        """Return the figures as plain JSON values."""
        distinct = len(np.unique(np.frombuffer(self._blocks, dtype=np.uint64))) if self._blocks else 0
        return {
            "sections": self.kept,
            "concepts": len(self._concepts),
            "by_concept": dict(self._concepts),
            "by_audience": dict(sorted(self._audiences.items())),
            "words": self._words,
            "characters": self._characters,
            "mean_words": round(self._words / max(self.kept, 1), 1),
            "by_length": {f"{low}-{low + BUCKET - 1}": count for low, count in sorted(self._lengths.items())},
            "code_blocks": len(self._blocks),
            "distinct_code_blocks": distinct,
            "rejected": dict(sorted(self.reasons.items())),
            "examples": self._examples,
        }
