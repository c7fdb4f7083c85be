"""Exercise figures for the manifest and the report."""

from __future__ import annotations

from collections import Counter
from typing import Any

from codeprimer.authors.tally import Tally, hashed
from codeprimer.core.documents import ExerciseRow

EXAMPLES = 6
"""Maximum number of exercises shown in the report, with at most one per style."""


class ExerciseTally(Tally):
    """Counts exercises as they are written."""

    def __init__(self) -> None:
        super().__init__()
        self._trees: set[str] = set()
        self._compositions: set[int] = set()
        self._counts: dict[str, Counter[str]] = {
            name: Counter() for name in ("concepts", "styles", "steps", "operations", "frames", "solution_lines")
        }
        self._examples: dict[str, dict[str, Any]] = {}

    def keep(self, row: ExerciseRow, tree: str) -> None:
        """Count a kept exercise; ``tree`` is its syntax tree with all names and literals masked."""
        self.kept += 1
        self._trees.add(tree)
        self._compositions.add(hashed(row["blueprint"]))
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

    def facts(self) -> dict[str, Any]:
        """Return the figures as plain JSON values."""
        counts = {name: dict(sorted(counter.items())) for name, counter in self._counts.items()}
        return {
            "exercises": self.kept,
            "rejected": dict(sorted(self.reasons.items())),
            "distinct_trees": len(self._trees),
            "compositions": len(self._compositions),
            "rarest_operation": min(counts["operations"].values(), default=0),
            **counts,
            "examples": [{"style": style, **example} for style, example in self._examples.items()],
        }
