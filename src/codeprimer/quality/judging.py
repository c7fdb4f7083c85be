"""Judging the sample: choose it, look at it, have it labelled, decide what counts as good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from codeprimer.core.artifact import Workspace
from codeprimer.core.console import Console
from codeprimer.core.engine import ending
from codeprimer.core.errors import SourceError
from codeprimer.core.shards import Row, read_rows
from codeprimer.core.stage import Tools
from codeprimer.quality.annotator import Annotator, Label, Unlabelled
from codeprimer.quality.features import TextFeatures
from codeprimer.quality.sample import Sample, choose_sample
from codeprimer.quality.settings import QualitySettings
from codeprimer.quality.units import RowGroup, SampleUnit, load_features, read_labels, row_groups, sample_unit

_FEWEST = 5
"""Good and other documents that are needed to learn from, of each."""


@dataclass(frozen=True)
class Judged:
    """The sample with its labels and features, row by row."""

    sample: Sample
    labels: list[Label]
    found: list[TextFeatures]
    good: npt.NDArray[np.bool_]
    folders: dict[RowGroup, Path]
    """Where the work on each row group's sampled rows lies."""
    unlabelled: list[Unlabelled]
    """Documents that were to be judged and could not be."""

    def part(self, name: str) -> npt.NDArray[np.int64]:
        """Return the places of the documents of one part, in the order of their ids.

        A forest draws documents by their place, so an order of rows would let the names of files decide.
        """
        places = np.flatnonzero(np.array(self.sample.parts) == name)
        return places[np.argsort(self.sample.keys[places], kind="stable")]

    def points(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return the points of some documents."""
        return np.array([self.labels[place].points for place in places.tolist()], dtype=np.float64)

    def features(self, places: npt.NDArray[np.int64]) -> list[TextFeatures]:
        """Return the features of some documents."""
        return [self.found[place] for place in places.tolist()]


def decide_good(
    sample: Sample, labels: Sequence[Label], settings: QualitySettings, console: Console
) -> npt.NDArray[np.bool_]:
    """Return which labelled documents count as good.

    Where the points separate too few, the better half counts as good, with a warning. Raises SourceError when all
    documents got the same points, because nothing can be learned from that.
    """
    points = np.array([label.points for label in labels], dtype=np.float64)
    train = np.array(sample.parts) == "train"
    good = points >= settings.label_points
    if min(int(good[train].sum()), int((~good[train]).sum())) >= _FEWEST:
        return np.asarray(good)
    middle = float(np.median(points[train])) if train.any() else 0.0
    good = points > middle
    if not good[train].any() or good[train].all():
        raise SourceError(
            f"quality: {len(labels)} documents are not enough to learn from, all have about the same points; give "
            "corpus.sources more code"
        )
    console.warn(
        f"quality: too few judged documents are on one side of quality.label_points ({settings.label_points:g}); more "
        f"than the median ({middle:.2f}) counts as good instead"
    )
    return np.asarray(good)


def judge_sample(
    settings: QualitySettings, annotator: Annotator, documents: Path, out: Workspace, tools: Tools
) -> Judged:
    """Return the sample of a table of documents with its labels and features."""
    groups = row_groups(documents)
    sample = choose_sample(read_rows(documents, ["doc_id", "package", "split"]), settings.sample, tools.seed)
    _warn(settings, sample, tools.console)
    units = list(_units(settings, annotator, groups, sample))
    folders = list(tools.engine.map(sample_unit, units, out.work / "sample", "quality: judging a sample"))
    found = [one for folder in folders for one in load_features(folder / "features.npz")]
    if annotator.in_workers:
        given: list[Label | Unlabelled] = [label for folder in folders for label in read_labels(folder)]
    else:
        given = _ask(annotator, units, len(sample.rows), tools.console)
    assert len(given) == len(found) == len(sample.rows)
    unlabelled = [one for one in given if isinstance(one, Unlabelled)]
    labels = [one for one in given if isinstance(one, Label)]
    if unlabelled:
        places = [place for place, one in enumerate(given) if isinstance(one, Label)]
        sample, found = sample.only(places), [found[place] for place in places]
        _warn_of_unlabelled(unlabelled, len(given), tools.console)
    good = decide_good(sample, labels, settings, tools.console)
    by_group = {unit.rows: folder for unit, folder in zip(units, folders, strict=True)}
    return Judged(sample, labels, found, good, by_group, unlabelled)


def _ask(
    annotator: Annotator, units: Sequence[SampleUnit], documents: int, console: Console
) -> list[Label | Unlabelled]:
    """Return what an annotator says that judges in this process."""
    characters = sum(len(row["text"]) for row in _rows(units))
    if estimate := annotator.estimate(documents, characters):
        console.say(f"  {estimate}")
    given = []
    with (
        console.task(f"quality: asking {annotator.settings.kind}", documents) as task,
        ending(annotator.label(_rows(units))) as labels,
    ):
        for one in labels:
            given.append(one)
            task.advance(note=annotator.progress)
    return given


def _warn_of_unlabelled(unlabelled: Sequence[Unlabelled], documents: int, console: Console) -> None:
    reasons = ", ".join(
        f"{reason} {count:,}" for reason, count in sorted(Counter(one.reason for one in unlabelled).items())
    )
    console.warn(
        f"quality: {len(unlabelled):,} of {documents:,} documents got no label ({reasons}); the table unlabelled says why"
    )


def _warn(settings: QualitySettings, sample: Sample, console: Console) -> None:
    if sample.available < settings.sample:
        console.warn(
            f"quality: the corpus has {sample.available} documents to judge, fewer than quality.sample "
            f"({settings.sample})"
        )
    if not sample.by_package:
        console.warn(
            f"quality: only {len(set(sample.packages))} packages; the scorer is tested on other files of the same "
            "packages, so its measures are too good"
        )


def _units(
    settings: QualitySettings, annotator: Annotator, groups: Sequence[RowGroup], sample: Sample
) -> Iterator[SampleUnit]:
    chosen = settings.annotator if annotator.in_workers else None
    for group in groups:
        inside = sample.rows[(sample.rows >= group.first) & (sample.rows < group.first + group.rows)]
        if len(inside):
            yield SampleUnit(group, tuple((inside - group.first).tolist()), settings.scorer.bucket_bits, chosen)


def _rows(units: Sequence[SampleUnit]) -> Iterator[Row]:
    for unit in units:
        yield from unit.sampled()
