"""What has been kept and rejected so far, and the figures for the report.

Reads rows. Its one idea: memory holds a hash per prompt and counters, never a text.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import xxhash

from codeprimer.core.shards import Row

EXAMPLES = 6


class Tally:
    """Counts exercises; knows which prompts there were."""

    def __init__(self) -> None:
        self.kept = 0
        self.rejected: Counter[str] = Counter()
        self._prompts: set[int] = set()
        self._trees: set[str] = set()
        self._compositions: set[int] = set()
        self._counts: dict[str, Counter[str]] = {
            name: Counter() for name in ("concepts", "styles", "steps", "operations", "frames", "solution_lines")
        }
        self._examples: dict[str, dict[str, Any]] = {}

    def is_new(self, row: Row) -> bool:
        """Tell whether no exercise with the same prompt was kept."""
        return xxhash.xxh3_64_intdigest(row["prompt"].encode()) not in self._prompts

    def keep(self, row: Row, tree: str) -> None:
        """Count a kept exercise; ``tree`` is its syntax tree with all names and literals masked."""
        self.kept += 1
        self._prompts.add(xxhash.xxh3_64_intdigest(row["prompt"].encode()))
        self._trees.add(tree)
        self._compositions.add(xxhash.xxh3_64_intdigest(row["blueprint"].encode()))
        _, *operations = row["blueprint"].split(">")
        counts = self._counts
        counts["concepts"].update(row["concepts"])
        counts["operations"].update(operations)
        counts["styles"][row["style"]] += 1
        counts["steps"][str(len(operations))] += 1
        counts["frames"]["method" if row["prompt"].startswith("class ") else "function"] += 1
        counts["solution_lines"][f"{row['solution'].count(chr(10)):02d}"] += 1
        if len(self._examples) < EXAMPLES:
            shown = {"blueprint": row["blueprint"], "program": row["prompt"] + row["solution"], "tests": row["tests"]}
            self._examples.setdefault(row["style"], shown)

    def reject(self, reason: str) -> None:
        """Count a rejected exercise."""
        self.rejected[reason] += 1

    def facts(self) -> dict[str, Any]:
        """Return the figures."""
        counts = {name: dict(sorted(counter.items())) for name, counter in self._counts.items()}
        return {
            "exercises": self.kept,
            "rejected": dict(sorted(self.rejected.items())),
            "distinct_trees": len(self._trees),
            "compositions": len(self._compositions),
            "rarest_operation": min(counts["operations"].values(), default=0),
            **counts,
            "examples": [{"style": style, **example} for style, example in self._examples.items()],
        }
