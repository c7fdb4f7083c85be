"""The units of work: one row group of the corpus at a time, to be labelled or to be scored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow.parquet as pq

from codeprimer.core.plugins import PluginSettings, make
from codeprimer.core.shards import Row, shard_paths
from codeprimer.quality.annotator import Annotator, Label
from codeprimer.quality.features import DENSE_NAMES, TextFeatures, look
from codeprimer.quality.scorer import load_scorer

_BATCH_ROWS = 64


@dataclass(frozen=True)
class RowGroup:
    """One row group of a table, and the number of its first row in the whole table."""

    shard: Path
    group: int
    first: int
    rows: int

    def read(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield its rows; memory holds a few of them."""
        with pq.ParquetFile(self.shard) as file:
            for batch in file.iter_batches(_BATCH_ROWS, [self.group], list(columns), use_threads=False):
                yield from batch.to_pylist()


def row_groups(table: Path) -> list[RowGroup]:
    """Return all row groups of a table, in order."""
    found: list[RowGroup] = []
    first = 0
    for shard in shard_paths(table):
        metadata = pq.read_metadata(shard)
        for group in range(metadata.num_row_groups):
            rows = metadata.row_group(group).num_rows
            found.append(RowGroup(shard, group, first, rows))
            first += rows
    return found


@dataclass(frozen=True)
class SampleUnit:
    """The sampled rows of one row group; ``annotator`` is None where somebody else labels."""

    rows: RowGroup
    wanted: tuple[int, ...]
    """Numbers of rows within the row group, ascending."""
    bucket_bits: int
    annotator: PluginSettings | None

    def sampled(self) -> Iterator[Row]:
        """Yield the sampled rows."""
        wanted = set(self.wanted)
        yield from (row for index, row in enumerate(self.rows.read(["doc_id", "text"])) if index in wanted)


def sample_unit(unit: SampleUnit, folder: Path) -> None:
    """Look at the sampled rows of a row group, and label them if asked: ``features.npz``, ``labels.json``."""
    annotator: Annotator | None = make("annotator", unit.annotator) if unit.annotator is not None else None
    labels: list[tuple[str, float, tuple[str, ...]]] = []
    found: list[TextFeatures] = []
    for row in unit.sampled():
        # One at a time: the annotator and the features then share one syntax tree.
        found.append(look(row["text"], unit.bucket_bits))
        if annotator is not None:
            [label] = annotator.label([row])
            assert isinstance(label, Label), "an annotator that computes has a label for everything"
            labels.append((label.doc_id, label.points, label.why))
    save_features(folder / "features.npz", found)
    np.save(folder / "wanted.npy", np.array(unit.wanted, dtype=np.int64))
    (folder / "labels.json").write_bytes(orjson.dumps(labels))


def read_labels(folder: Path) -> list[Label]:
    """Return the labels that a sample unit wrote."""
    rows = orjson.loads((folder / "labels.json").read_bytes())
    return [Label(doc_id, points, tuple(why)) for doc_id, points, why in rows]


@dataclass(frozen=True)
class ScoreUnit:
    """One row group to score with the scorer in a folder."""

    rows: RowGroup
    scorer: Path
    sampled: Path | None
    """The folder of the sample unit of the same row group, whose features are used again."""


def score_unit(unit: ScoreUnit, folder: Path) -> None:
    """Score every row of a row group: ``scores.npy`` (float32) and ``bytes.npy`` (size of the text in UTF-8)."""
    scorer = load_scorer(unit.scorer)
    known = _known_features(unit.sampled)
    scores: list[npt.NDArray[np.float64]] = []
    sizes: list[int] = []
    found: list[TextFeatures] = []
    for index, row in enumerate(unit.rows.read(["text"])):
        found.append(known[index] if index in known else look(row["text"], scorer.bucket_bits))
        sizes.append(len(row["text"].encode("utf-8", "surrogatepass")))
        if len(found) == _BATCH_ROWS:
            scores.append(scorer.score(found))
            found = []
    scores.append(scorer.score(found))
    np.save(folder / "scores.npy", np.concatenate(scores).astype(np.float32))
    np.save(folder / "bytes.npy", np.array(sizes, dtype=np.int64))


def _known_features(folder: Path | None) -> dict[int, TextFeatures]:
    if folder is None:
        return {}
    return dict(zip(np.load(folder / "wanted.npy").tolist(), load_features(folder / "features.npz"), strict=True))


def save_features(path: Path, found: Sequence[TextFeatures]) -> None:
    """Write the features of some texts as one file."""
    np.savez(
        path,
        allow_pickle=False,
        starts=np.cumsum([0, *(len(one.buckets) for one in found)]),
        buckets=np.concatenate([one.buckets.astype(np.int32) for one in found] or [np.empty(0, dtype=np.int32)]),
        counts=np.concatenate([one.counts for one in found] or [np.empty(0, dtype=np.float32)]),
        dense=np.array([one.dense for one in found], dtype=np.float32).reshape(len(found), len(DENSE_NAMES)),
    )


def load_features(path: Path) -> list[TextFeatures]:
    """Return the features of some texts."""
    with np.load(path, allow_pickle=False) as file:
        starts, buckets, counts, dense = (file[name] for name in ("starts", "buckets", "counts", "dense"))
    return [
        TextFeatures(buckets[start:end].astype(np.int64), counts[start:end], dense[index])
        for index, (start, end) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True))
    ]
