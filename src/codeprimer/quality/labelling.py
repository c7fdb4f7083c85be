"""Labels a sample: chooses it, extracts its features, has it labelled, and decides which documents are good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from codeprimer.core.artifact import Workspace
from codeprimer.core.console import Console
from codeprimer.core.documents import Document
from codeprimer.core.engine import ending
from codeprimer.core.errors import SourceError
from codeprimer.core.plugins import reporting
from codeprimer.core.shards import read_rows
from codeprimer.core.stage import Tools
from codeprimer.embedders.embedder import Embedder
from codeprimer.quality.annotator import Annotator, Label, Unlabelled
from codeprimer.quality.extraction import SampledFeatures, check_labels, extract_features
from codeprimer.quality.features import Features, concatenate
from codeprimer.quality.row_groups import RowGroup, SelectedRows, row_groups
from codeprimer.quality.sample import Sample, choose_sample
from codeprimer.quality.settings import QualitySettings

_MINIMUM_PER_CLASS = 5
"""Minimum number of good documents, and of other documents, that learning needs."""


@dataclass(frozen=True)
class LabelledSample:
    """The sample with one label and one feature row per document."""

    sample: Sample
    labels: list[Label]
    features: Features
    good: npt.NDArray[np.bool_]
    extracted: dict[RowGroup, SampledFeatures]
    """Where the features of each row group's sampled rows are stored."""
    unlabelled: list[Unlabelled]
    """Documents that got no usable label."""

    def split(self, name: str) -> npt.NDArray[np.int64]:
        """Return the indices of the documents in one split, in the order of their ids.

        A forest draws documents by index, so in row order the result would depend on file names.
        """
        indices = np.flatnonzero(np.array(self.sample.splits) == name)
        return indices[np.argsort(self.sample.keys[indices], kind="stable")]

    @property
    def points(self) -> npt.NDArray[np.float64]:
        """The points of all documents [documents]."""
        return np.array([label.points for label in self.labels], dtype=np.float64)


def decide_good(
    sample: Sample, labels: Sequence[Label], settings: QualitySettings, console: Console
) -> npt.NDArray[np.bool_]:
    """Return which labelled documents are good.

    If ``label_points`` leaves too few documents on one side, the documents above the median are good instead, with a
    warning. Raises SourceError if all documents got the same points, because nothing can be learned from them.
    """
    points = np.array([label.points for label in labels], dtype=np.float64)
    train = np.array(sample.splits) == "train"
    good = points >= settings.label_points
    if min(int(good[train].sum()), int((~good[train]).sum())) >= _MINIMUM_PER_CLASS:
        return np.asarray(good)
    median = float(np.median(points[train])) if train.any() else 0.0
    good = points > median
    if not good[train].any() or good[train].all():
        raise SourceError(
            f"quality: nothing can be learned from the {len(labels)} labelled documents, which all got about the same "
            "points; add code to corpus.sources"
        )
    console.warn(
        f"quality: too few labelled documents are on one side of quality.label_points ({settings.label_points:g}); "
        f"documents above the median ({median:.2f}) are treated as good instead"
    )
    return np.asarray(good)


def label_sample(
    settings: QualitySettings,
    annotator: Annotator,
    embedder: Embedder,
    documents: Path,
    out: Workspace,
    tools: Tools,
) -> LabelledSample:
    """Return a sample of a documents table with its labels and features."""
    sample = choose_sample(read_rows(documents, ["doc_id", "package", "split"], Document), settings.sample, tools.seed)
    _warn(settings, sample, tools.console)
    rows = list(_select(row_groups(documents), sample))
    folders, answers = extract_features(rows, embedder, annotator, out, tools)
    if not annotator.in_workers:
        answers = _ask(annotator, rows, len(sample.rows), tools.console)
    with reporting(embedder.settings.kind, type(embedder)):
        features = concatenate([Features.load(folder) for folder in folders])
    unlabelled = [answer for answer in answers if isinstance(answer, Unlabelled)]
    if unlabelled:
        labelled = np.flatnonzero([isinstance(answer, Label) for answer in answers])
        sample, features = sample.only(labelled), features[labelled]
        _warn_of_unlabelled(unlabelled, len(answers), tools.console)
    labels = [answer for answer in answers if isinstance(answer, Label)]
    good = decide_good(sample, labels, settings, tools.console)
    extracted = {
        selected.group: SampledFeatures(selected.indices, folder)
        for selected, folder in zip(rows, folders, strict=True)
    }
    return LabelledSample(sample, labels, features, good, extracted, unlabelled)


def _select(groups: Sequence[RowGroup], sample: Sample) -> Iterator[SelectedRows]:
    for group in groups:
        inside = sample.rows[(sample.rows >= group.first) & (sample.rows < group.first + group.rows)]
        if len(inside):
            yield SelectedRows(group, tuple((inside - group.first).tolist()))


def _ask(
    annotator: Annotator, rows: Sequence[SelectedRows], documents: int, console: Console
) -> list[Label | Unlabelled]:
    """Return the labels from an annotator that runs in this process."""
    characters = sum(len(document["text"]) for document in _documents(rows))
    if estimate := annotator.estimate(documents, characters):
        console.say(f"  {estimate}")
    answers = []
    with (
        console.task(f"quality: labelling with {annotator.settings.kind}", documents) as task,
        ending(annotator.label(_documents(rows))) as labels,
    ):
        for answer in labels:
            answers.append(answer)
            task.advance(note=annotator.progress)
    check_labels(annotator, answers, _documents(rows))
    return answers


def _documents(rows: Sequence[SelectedRows]) -> Iterator[Document]:
    for selected in rows:
        yield from selected.documents()


def _warn_of_unlabelled(unlabelled: Sequence[Unlabelled], documents: int, console: Console) -> None:
    reasons = ", ".join(
        f"{reason} {count:,}" for reason, count in sorted(Counter(answer.reason for answer in unlabelled).items())
    )
    console.warn(
        f"quality: {len(unlabelled):,} of {documents:,} documents got no label ({reasons}); see the `unlabelled` table"
    )


def _warn(settings: QualitySettings, sample: Sample, console: Console) -> None:
    if sample.available < settings.sample:
        console.warn(
            f"quality: the corpus has only {sample.available} documents to label, fewer than quality.sample "
            f"({settings.sample})"
        )
    if not sample.by_package:
        console.warn(
            f"quality: the sample has only {len(set(sample.packages))} packages; the scorer is tested on other files of the "
            "same packages, so its measures are optimistic"
        )
