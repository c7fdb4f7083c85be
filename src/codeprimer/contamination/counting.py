"""Counts for the report: documents read, documents removed by each measure, and a few example matches."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from codeprimer.core.documents import Match

EXAMPLES = 6
"""Maximum number of matches shown per training set."""


@dataclass
class Count:
    """The figures for one training set."""

    documents: int = 0
    bytes: int = 0
    removed: int = 0
    removed_bytes: int = 0
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(measure, set of problems) -> number of matches."""
    hit: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """(measure, set of problems) -> the documents that match; only their number is reported."""
    examples: list[dict[str, Any]] = field(default_factory=list)

    def document(self, text: str, removed: bool) -> None:
        """Count one document in the set."""
        size = len(text.encode("utf-8", "surrogatepass"))
        self.documents += 1
        self.bytes += size
        if removed:
            self.removed += 1
            self.removed_bytes += size

    def match(self, row: Match, task_set: str) -> None:
        """Count one match."""
        key = (row["measure"], task_set)
        self.pairs[key] += 1
        self.hit.setdefault(key, set()).add(row["doc_id"])
        shown = sum(example["measure"] == row["measure"] for example in self.examples)
        if shown < EXAMPLES // 2:
            self.examples.append({name: value for name, value in row.items() if name in _SHOWN})

    def facts(self) -> dict[str, Any]:
        """Return the figures as plain JSON."""
        by_measure: dict[str, dict[str, dict[str, int]]] = {}
        for (measure, task_set), pairs in sorted(self.pairs.items()):
            documents = len(self.hit[measure, task_set])
            by_measure.setdefault(measure, {})[task_set] = {"pairs": pairs, "documents": documents}
        return {
            "documents": self.documents,
            "bytes": self.bytes,
            "removed": self.removed,
            "removed_bytes": self.removed_bytes,
            "kept": self.documents - self.removed,
            "matches": by_measure,
            "examples": self.examples,
        }


_SHOWN = frozenset(("doc_id", "task_id", "measure", "value", "document_excerpt", "task_excerpt"))
