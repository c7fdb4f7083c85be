"""Compares training texts with every problem, one table chunk at a time.

A chunk is a few row groups, so that a table of any size is distributed evenly over any number of workers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from codeprimer.analysis.ngrams import gram_hashes, words
from codeprimer.analysis.prose import code_blocks
from codeprimer.analysis.trees import function_trees
from codeprimer.contamination.references import Reference, References, read_references
from codeprimer.core.documents import MATCHES, TRAINING_SETS, Document, ExerciseRow, Match, SectionRow, TrainingText
from codeprimer.core.shards import TableWriter, shard_paths

WORDS, TREE = "words-13gram", "syntax-tree"
CHUNK_BYTES = 8 * 2**20
"""Approximate size of the text in one chunk [bytes]."""
EXCERPT_CHARACTERS = 240
BATCH_ROWS = 64

RAW, CODE, TEXTBOOKS, EXERCISES = TRAINING_SETS


@dataclass(frozen=True)
class TrainingSet:
    """Where a training set comes from, and how its rows become texts."""

    name: str
    stage: str
    table: str
    columns: tuple[str, ...]
    text: Callable[[Any], TrainingText]
    code: Callable[[str], list[str]]
    """Returns the parts of a text that are Python."""
    subset_of: str = ""
    """An earlier set that holds nearly all documents of this set, so that they need not be compared twice."""


def _plain(row: Document | SectionRow) -> TrainingText:
    return {"doc_id": row["doc_id"], "text": row["text"], "prompt_bytes": 0}


def _exercise(row: ExerciseRow) -> TrainingText:
    # Models are prompted without the trailing whitespace, because it belongs to the first token of the answer.
    prompt = row["prompt"].rstrip().encode("utf-8", "surrogatepass")
    return {"doc_id": row["doc_id"], "text": row["prompt"] + row["solution"], "prompt_bytes": len(prompt)}


def _whole(text: str) -> list[str]:
    return [text]


_DOCUMENT = ("doc_id", "split", "text")
_EXERCISE = ("doc_id", "prompt", "solution")

SOURCES: Mapping[str, TrainingSet] = MappingProxyType(
    {
        training_set.name: training_set
        for training_set in (
            TrainingSet(RAW, "corpus", "documents", _DOCUMENT, _plain, _whole),
            TrainingSet(CODE, "quality", "kept", _DOCUMENT, _plain, _whole, subset_of=RAW),
            TrainingSet(TEXTBOOKS, "textbooks", "sections", ("doc_id", "text"), _plain, code_blocks),
            TrainingSet(EXERCISES, "exercises", "exercises", _EXERCISE, _exercise, _whole),
        )
    }
)
"""The training sets by name, in writing order."""


@dataclass(frozen=True)
class Chunk:
    """Consecutive row groups in one shard of a training set."""

    training_set: TrainingSet
    path: Path
    groups: tuple[int, ...]

    def texts(self) -> Iterator[TrainingText]:
        """Yield the texts to train on, excluding held-out documents; memory holds one batch at a time."""
        with pq.ParquetFile(self.path) as file:
            columns = list(self.training_set.columns)
            for batch in file.iter_batches(BATCH_ROWS, list(self.groups), columns, use_threads=False):
                for row in batch.to_pylist():
                    if row.get("split", "train") == "train":
                        yield self.training_set.text(row)


def chunks(training_set: TrainingSet, table: Path) -> Iterator[Chunk]:
    """Cut a table into chunks of about ``CHUNK_BYTES``."""
    for path in shard_paths(table):
        metadata = pq.read_metadata(path)
        groups: list[int] = []
        size = 0
        for group in range(metadata.num_row_groups):
            groups.append(group)
            size += metadata.row_group(group).total_byte_size
            if size >= CHUNK_BYTES:
                yield Chunk(training_set, path, tuple(groups))
                groups, size = [], 0
        if groups:
            yield Chunk(training_set, path, tuple(groups))


@dataclass(frozen=True)
class ScanUnit:
    """A chunk, and the folder with the problems to compare it with."""

    chunk: Chunk
    references: Path


def scan_unit(unit: ScanUnit, folder: Path) -> None:
    """Write a chunk's matches into the ``matches`` table in ``folder``."""
    references = read_references(unit.references)
    with TableWriter(folder / "matches", MATCHES) as table:
        for text in unit.chunk.texts():
            table.write_all(matches_of(text, unit.chunk.training_set, references))


def matches_of(document: TrainingText, training_set: TrainingSet, references: References) -> Iterator[Match]:
    """Yield a document's matches: first by wording, then by syntax tree."""
    text = document["text"]
    for hits in (same_words(text, references), same_trees(training_set.code(text), references)):
        for hit in hits:
            yield {
                "doc_id": document["doc_id"],
                "training_set": training_set.name,
                "task_id": hit.reference.task_id,
                "measure": hit.measure,
                "value": hit.value,
                "removed": True,
                "document_excerpt": hit.passage[:EXCERPT_CHARACTERS],
                "task_excerpt": hit.problem[:EXCERPT_CHARACTERS],
            }


class Hit(NamedTuple):
    """A problem that a text repeats."""

    reference: Reference
    measure: str
    value: float
    passage: str
    """The matching passage of the text."""
    problem: str
    """The problem's prose or code."""


def same_words(text: str, references: References) -> Iterator[Hit]:
    """Yield every problem that shares an n-gram with the text; the value is the fraction of the problem's n-grams found."""
    if not references.grams:
        return
    listed = words(text)
    common: Counter[int] = Counter()
    first: dict[int, tuple[int, int]] = {}
    for length, hashes in gram_hashes(listed, references.grams.keys()).items():
        for place, numbers in references.grams[length].hits(hashes):
            for number in numbers:
                common[number] += 1
                first[number] = min(first.get(number, (place, length)), (place, length))
    for number, count in sorted(common.items()):
        reference = references.listed[number]
        start, length = first[number]
        passage = " ".join(listed[start : start + length])
        yield Hit(reference, WORDS, count / reference.grams, passage, reference.prose)


def same_trees(pieces: Sequence[str], references: References) -> Iterator[Hit]:
    """Yield every problem in which a function has the same syntax tree as a function in ``pieces``."""
    found: dict[int, str] = {}
    for piece in pieces:
        for tree in function_trees(piece, references.outlines):
            for number in references.trees.get(tree.digest, ()):
                found.setdefault(number, "\n".join(piece.split("\n")[tree.line - 1 :]))
    for number, passage in sorted(found.items()):
        reference = references.listed[number]
        yield Hit(reference, TREE, 1.0, passage, reference.code)
