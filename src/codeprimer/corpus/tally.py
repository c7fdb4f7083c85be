"""Counts kept and dropped files for the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from codeprimer.core.documents import Document, DroppedFile, Duplicate

_EXAMPLES = 5
_LARGEST_PACKAGES = 25
_SIZE_EDGES = (0, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 1_000_000)


class Tally:
    """Counts by source, reason, licence and package; small even for a large corpus."""

    def __init__(self) -> None:
        self.kept: Counter[str] = Counter()
        self.kept_bytes: Counter[str] = Counter()
        self.heldout = 0
        self.heldout_bytes = 0
        self.dropped: dict[str, Counter[str]] = {}
        self.licenses: Counter[str] = Counter()
        self.packages: Counter[str] = Counter()
        self.package_bytes: Counter[str] = Counter()
        self.pairs: Counter[str] = Counter()
        self.similarities: Counter[str] = Counter()
        self.sizes: Counter[int] = Counter()
        self.most_copied: list[tuple[int, str]] = []
        self.examples: dict[str, list[dict[str, str]]] = {}

    def keep(self, document: Document) -> None:
        """Count a kept document."""
        size = len(document["text"].encode())
        self.kept[document["source"]] += 1
        self.kept_bytes[document["source"]] += size
        if document["split"] == "heldout":
            self.heldout += 1
            self.heldout_bytes += size
        self.licenses[document["license"] or "none found"] += 1
        self.packages[document["package"]] += 1
        self.package_bytes[document["package"]] += size
        self.sizes[max(edge for edge in _SIZE_EDGES if edge <= size)] += 1
        self.most_copied = sorted([*self.most_copied, (-len(document["origins"]), document["path"])])[:_EXAMPLES]

    def drop(self, row: DroppedFile) -> None:
        """Count a dropped file."""
        self.dropped.setdefault(row["source"], Counter())[row["reason"]] += 1
        examples = self.examples.setdefault(row["reason"], [])
        if len(examples) < _EXAMPLES:
            examples.append({"path": row["path"], "detail": row["detail"] or ""})

    def pair(self, pair: Duplicate) -> None:
        """Count a pair of duplicates."""
        self.pairs[pair["kind"]] += 1
        if pair["kind"] == "near":
            self.similarities[f"{int(pair['similarity'] * 20) / 20:.2f}"] += 1

    @property
    def found(self) -> int:
        """Number of files that were read."""
        return sum(self.kept.values()) + sum(sum(reasons.values()) for reasons in self.dropped.values())

    def by_source(self, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return how many files each source contained, how many were kept, and how many were dropped for each reason."""
        return {
            name: {
                "found": self.kept[name] + sum(self.dropped.get(name, Counter()).values()),
                "kept": self.kept[name],
                "kept_bytes": self.kept_bytes[name],
                "dropped": _by_count(self.dropped.get(name, Counter())),
            }
            for name in names
        }

    def facts(self, sources: Iterable[str]) -> dict[str, Any]:
        """Return all counts as plain JSON."""
        dropped = sum(self.dropped.values(), Counter())
        return {
            "found": self.found,
            "kept": sum(self.kept.values()),
            "kept_bytes": sum(self.kept_bytes.values()),
            "dropped": _by_count(dropped),
            "sources": self.by_source(sources),
            "licenses": _by_count(self.licenses),
            "packages": len(self.packages),
            "largest_packages": [
                {"package": name, "documents": self.packages[name], "bytes": size}
                for name, size in sorted(self.package_bytes.items(), key=lambda item: (-item[1], item[0]))
            ][:_LARGEST_PACKAGES],
            "duplicates": {
                "exact": self.pairs["exact"],
                "near": self.pairs["near"],
                "near_similarity": dict(sorted(self.similarities.items())),
                "most_copied": [{"path": path, "copies": -count} for count, path in self.most_copied if count < -1],
            },
            "size_histogram": [{"from_bytes": edge, "documents": self.sizes[edge]} for edge in _SIZE_EDGES[:-1]],
            "examples_dropped": dict(sorted(self.examples.items())),
        }


def _by_count(counter: Counter[str]) -> dict[str, int]:
    return dict(sorted(counter.items(), key=lambda item: (-item[1], item[0])))
