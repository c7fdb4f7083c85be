"""Writes the tables row by row, while counting documents and picking examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from codeprimer.core.artifact import Workspace
from codeprimer.core.documents import (
    KEPT,
    LABELS,
    QUALITY_DROPPED,
    SCORES,
    UNLABELLED,
    Document,
    DocumentScore,
    DroppedDocument,
    KeptDocument,
    LabelRow,
    UnlabelledRow,
)
from codeprimer.core.shards import read_rows
from codeprimer.quality.annotator import Label, Unlabelled
from codeprimer.quality.examples import choose_examples, example
from codeprimer.quality.labelling import LabelledSample

BELOW_THRESHOLD = "below_threshold"
"""The only reason for which the quality stage drops a document."""

_BINS = 20


def write_labels(out: Workspace, labelled: LabelledSample, annotator: str) -> None:
    """Write the ``labels`` table."""
    sample = labelled.sample
    with out.table("labels", LABELS) as table:
        for label, package, split, good in zip(
            labelled.labels, sample.packages, sample.splits, labelled.good.tolist(), strict=True
        ):
            row: LabelRow = {
                "doc_id": label.doc_id,
                "package": package,
                "split": split,
                "points": label.points,
                "label": good,
                "why": list(label.why),
                "annotator": annotator,
                "said": label.said,
                "request_id": label.request_id,
            }
            table.write(row)


def write_unlabelled(out: Workspace, unlabelled: Sequence[Unlabelled]) -> None:
    """Write the ``unlabelled`` table if there are unlabelled documents."""
    if not unlabelled:
        return
    with out.table("unlabelled", UNLABELLED) as table:
        for document in unlabelled:
            row: UnlabelledRow = {
                "doc_id": document.doc_id,
                "reason": document.reason,
                "detail": document.detail,
                "answers": list(document.answers),
            }
            table.write(row)


def write_scored(
    out: Workspace, documents: Path, scores: npt.NDArray[np.float32], threshold: float, labels: Sequence[Label]
) -> QualityTally:
    """Write the ``scores``, ``kept`` and ``dropped`` tables; return counts."""
    tally = QualityTally({label.doc_id: label for label in labels}, choose_examples(scores, threshold))
    with (
        out.table("scores", SCORES) as scored,
        out.table("kept", KEPT) as kept,
        out.table("dropped", QUALITY_DROPPED) as dropped,
    ):
        for index, document in enumerate(read_rows(documents, None, Document)):
            score = float(scores[index])
            is_kept = score >= threshold
            scored.write(_score_row(document, score, is_kept))
            if is_kept:
                kept.write(KeptDocument(**document, score=score))
            else:
                dropped.write(DroppedDocument(**document, score=score, reason=BELOW_THRESHOLD))
            tally.count(index, document, score, is_kept)
    return tally


def _score_row(document: Document, score: float, is_kept: bool) -> DocumentScore:
    return {
        "doc_id": document["doc_id"],
        "source": document["source"],
        "score": score,
        "kept": is_kept,
        "reason": None if is_kept else BELOW_THRESHOLD,
    }


class QualityTally:
    """Counts by source and score, and a few examples of each kind."""

    def __init__(self, labels: Mapping[str, Label], examples: Mapping[int, str]) -> None:
        self._labels = labels
        self._example_kinds = examples
        self._documents: Counter[tuple[str, str, bool]] = Counter()
        self._bytes: Counter[tuple[str, str, bool]] = Counter()
        self._packages: Counter[tuple[str, bool]] = Counter()
        self._histogram = [[0, 0] for _ in range(_BINS)]
        self._examples: dict[str, list[dict[str, Any]]] = {}

    def count(self, index: int, document: Document, score: float, kept: bool) -> None:
        """Count one document, and keep an excerpt if it is an example."""
        size = len(document["text"].encode("utf-8", "surrogatepass"))
        self._documents[document["source"], document["split"], kept] += 1
        self._bytes[document["source"], document["split"], kept] += size
        self._packages[document["package"], kept] += size
        bin_ = self._histogram[min(int(score * _BINS), _BINS - 1)]
        bin_[0] += 1
        bin_[1] += size
        if (kind := self._example_kinds.get(index)) is not None:
            self._examples.setdefault(kind, []).append(example(document, score, self._labels.get(document["doc_id"])))

    def facts(self) -> dict[str, Any]:
        """Return all counts as plain JSON."""
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
        """Return the packages with the most kept bytes, and the fraction of each package that was kept."""
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
