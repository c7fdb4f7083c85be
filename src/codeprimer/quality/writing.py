"""The last pass: from scores to the tables, row by row, counting and picking examples as it goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from codeprimer.core.artifact import Workspace
from codeprimer.core.documents import KEPT, LABELS, QUALITY_DROPPED, SCORES, UNLABELLED
from codeprimer.core.shards import Row, read_rows
from codeprimer.quality.annotator import Label
from codeprimer.quality.examples import choose_examples, example
from codeprimer.quality.judging import Judged

BELOW_THRESHOLD = "below_threshold"
"""The one reason for which quality drops a document."""

_BINS = 20


def write_labels(out: Workspace, judged: Judged, annotator: str) -> None:
    """Write ``labels``."""
    with out.table("labels", LABELS) as labels:
        for index, label in enumerate(judged.labels):
            labels.write(
                {
                    "doc_id": label.doc_id,
                    "package": judged.sample.packages[index],
                    "part": judged.sample.parts[index],
                    "points": label.points,
                    "label": bool(judged.good[index]),
                    "why": list(label.why),
                    "annotator": annotator,
                    "said": label.said,
                    "request_id": label.request_id,
                }
            )


def write_unlabelled(out: Workspace, judged: Judged) -> None:
    """Write ``unlabelled``, where there is any."""
    if not judged.unlabelled:
        return
    with out.table("unlabelled", UNLABELLED) as table:
        for one in judged.unlabelled:
            row = {"doc_id": one.doc_id, "reason": one.reason, "detail": one.detail, "answers": list(one.answers)}
            table.write(row)


def write_scored(
    out: Workspace, documents: Path, scores: npt.NDArray[np.float32], threshold: float, labels: Sequence[Label]
) -> QualityTally:
    """Write ``scores``, ``kept`` and ``dropped``; return what was counted."""
    tally = QualityTally({label.doc_id: label for label in labels}, choose_examples(scores, threshold))
    with (
        out.table("scores", SCORES) as scored,
        out.table("kept", KEPT) as kept,
        out.table("dropped", QUALITY_DROPPED) as dropped,
    ):
        for number, row in enumerate(read_rows(documents)):
            score = float(scores[number])
            reason = None if score >= threshold else BELOW_THRESHOLD
            verdict = {"score": score, "kept": reason is None, "reason": reason}
            scored.write({"doc_id": row["doc_id"], "source": row["source"], **verdict})
            if reason is None:
                kept.write({**row, "score": score})
            else:
                dropped.write({**row, "score": score, "reason": reason})
            tally.count(number, row, score, reason is None)
    return tally


class QualityTally:
    """Counts by source and score, and a few examples of each kind."""

    def __init__(self, labels: dict[str, Label], wanted: dict[int, str]) -> None:
        self._labels = labels
        self._wanted = wanted
        self._documents: Counter[tuple[str, str, bool]] = Counter()
        self._bytes: Counter[tuple[str, str, bool]] = Counter()
        self._packages: Counter[tuple[str, bool]] = Counter()
        self._histogram = [[0, 0] for _ in range(_BINS)]
        self._examples: dict[str, list[dict[str, Any]]] = {}

    def count(self, number: int, row: Row, score: float, kept: bool) -> None:
        """Count one document, and keep an excerpt when it was chosen as an example."""
        size = len(row["text"].encode("utf-8", "surrogatepass"))
        self._documents[row["source"], row["split"], kept] += 1
        self._bytes[row["source"], row["split"], kept] += size
        self._packages[row["package"], kept] += size
        place = self._histogram[min(int(score * _BINS), _BINS - 1)]
        place[0] += 1
        place[1] += size
        if (kind := self._wanted.get(number)) is not None:
            self._examples.setdefault(kind, []).append(example(row, score, self._labels.get(row["doc_id"])))

    def facts(self) -> dict[str, Any]:
        """Return everything counted, as plain JSON."""
        sources = sorted({source for source, _, _ in self._documents})
        return {
            "kept": self._sum(kept=True),
            "dropped": self._sum(kept=False),
            "dropped_by_reason": {BELOW_THRESHOLD: self._sum(kept=False)["documents"]},
            "heldout_kept": self._sum(kept=True, split="heldout"),
            "sources": {
                source: {"kept": self._sum(kept=True, source=source), "dropped": self._sum(kept=False, source=source)}
                for source in sources
            },
            "score_histogram": [
                {"from": index / _BINS, "documents": documents, "bytes": size}
                for index, (documents, size) in enumerate(self._histogram)
            ],
            "packages_kept_most": self._kept_most(),
            "examples": dict(sorted(self._examples.items())),
        }

    def _sum(self, kept: bool, split: str | None = None, source: str | None = None) -> dict[str, int]:
        chosen = [
            key for key in self._documents if key[2] == kept and split in {None, key[1]} and source in {None, key[0]}
        ]
        return {
            "documents": sum(self._documents[key] for key in chosen),
            "bytes": sum(self._bytes[key] for key in chosen),
        }

    def _kept_most(self) -> list[dict[str, Any]]:
        """Return the packages that give most of the kept bytes, with the share of each that was kept."""
        kept = {name: size for (name, is_kept), size in self._packages.items() if is_kept}
        largest = sorted(kept, key=lambda name: (-kept[name], name))[:15]
        return [
            {
                "package": name,
                "bytes": kept[name],
                "share_kept": round(kept[name] / (kept[name] + self._packages[name, False]), 4),
            }
            for name in largest
        ]
