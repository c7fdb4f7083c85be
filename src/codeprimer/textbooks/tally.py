"""Figures about the sections that were kept, for the manifest and the report.

Reads rows. Its one idea: everything is counted while the rows stream by; only a 64-bit number per section and per code
block stays in memory.
"""

from __future__ import annotations

from array import array
from collections import Counter
from typing import Any

import numpy as np
import xxhash

from codeprimer.analysis.prose import code_blocks
from codeprimer.core.shards import Row

BUCKET = 50
"""The width of the histogram of lengths [words]."""


class Tally:
    """Counts what was kept and what was rejected."""

    def __init__(self, expected: int) -> None:
        self.kept = 0
        self._concepts: Counter[str] = Counter()
        self._audiences: Counter[str] = Counter()
        self._lengths: Counter[int] = Counter()
        self._reasons: Counter[str] = Counter()
        self._words = 0
        self._characters = 0
        self._blocks = array("Q")
        self._seen: set[int] = set()
        # From the beginning, the middle and the end of the curriculum.
        self._shown = {expected // 6, expected // 2, expected * 5 // 6}
        self._examples: list[dict[str, str]] = []

    def is_new(self, row: Row) -> bool:
        """Tell whether no section with this text has come by."""
        number = int(row["doc_id"][:16], 16)
        if number in self._seen:
            return False
        self._seen.add(number)
        return True

    def keep(self, row: Row) -> None:
        """Count a section that is kept."""
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
        self._blocks.extend(xxhash.xxh3_64_intdigest(block.encode()) for block in code_blocks(text))

    def reject(self, row: Row) -> None:
        """Count a section that is rejected."""
        self._reasons[row["reason"]] += 1

    @property
    def rejected(self) -> int:
        """How many sections were rejected, earlier attempts included."""
        return self._reasons.total()

    def reasons(self) -> str:
        """Return why most were rejected, for people."""
        return ", ".join(f"{reason} {count:,}" for reason, count in self._reasons.most_common(3)) or "none"

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
            "rejected": dict(sorted(self._reasons.items())),
            "examples": self._examples,
        }
