"""The documents' side: compare a stretch of a training table with every problem.

Reads row groups of one table, writes the pairs found. One idea: the unit of work is a stretch of row groups, so that a
table of any size is spread over any number of workers in equal portions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow.parquet as pq

from codeprimer.analysis.ngrams import gram_hashes, words
from codeprimer.analysis.prose import code_blocks
from codeprimer.analysis.trees import function_trees
from codeprimer.contamination.references import References, Task, read_references
from codeprimer.core.documents import MATCHES
from codeprimer.core.shards import TableWriter, shard_paths

WORDS, TREE = "words-13gram", "syntax-tree"
UNIT_BYTES = 8 * 2**20
"""Text in one unit of work, more or less [bytes]."""
EXCERPT_CHARACTERS = 240
BATCH_ROWS = 64

Row = Mapping[str, Any]


@dataclass(frozen=True)
class TrainingSet:
    """One of the sets that are trained on: where it comes from, and how a row becomes a text."""

    name: str
    stage: str
    table: str
    columns: tuple[str, ...]
    text: Callable[[Row], str]
    code: Callable[[str], list[str]]
    """Returns the pieces of a text that are Python."""
    prompt: Callable[[Row], str] = lambda row: ""
    """Returns the beginning of a row's text that is a task, not an answer."""
    part_of: str = ""
    """The set before it that holds the same documents and more, so that they need not be compared twice."""

    def takes(self, row: Row) -> bool:
        """Tell whether a row is for training: held-out documents are not."""
        return "split" not in row or bool(row["split"] == "train")


def _text(row: Row) -> str:
    return str(row["text"])


def _program(row: Row) -> str:
    return str(row["prompt"] + row["solution"])


def _prompt(row: Row) -> str:
    # As a model is given it: the whitespace at its end is the beginning of a token of the answer.
    return str(row["prompt"]).rstrip()


def _whole(text: str) -> list[str]:
    return [text]


_DOCUMENT = ("doc_id", "split", "text")

TRAINING_SETS: Mapping[str, TrainingSet] = MappingProxyType(
    {
        training_set.name: training_set
        for training_set in (
            TrainingSet("raw", "corpus", "documents", _DOCUMENT, _text, _whole),
            TrainingSet("code", "quality", "kept", _DOCUMENT, _text, _whole, part_of="raw"),
            TrainingSet("textbooks", "textbooks", "sections", ("doc_id", "text"), _text, code_blocks),
            TrainingSet(
                "exercises", "exercises", "exercises", ("doc_id", "prompt", "solution"), _program, _whole, _prompt
            ),
        )
    }
)


@dataclass(frozen=True)
class Stretch:
    """Neighbouring row groups of one shard of a training set."""

    training_set: str
    path: Path
    groups: tuple[int, ...]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows that are trained on; memory holds one batch."""
        training_set = TRAINING_SETS[self.training_set]
        columns = list(training_set.columns)
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(BATCH_ROWS, list(self.groups), columns, use_threads=False):
                yield from filter(training_set.takes, batch.to_pylist())


def stretches(name: str, table: Path) -> Iterator[Stretch]:
    """Cut a table into stretches of about ``UNIT_BYTES``."""
    for path in shard_paths(table):
        metadata = pq.read_metadata(path)
        groups: list[int] = []
        size = 0
        for group in range(metadata.num_row_groups):
            groups.append(group)
            size += metadata.row_group(group).total_byte_size
            if size >= UNIT_BYTES:
                yield Stretch(name, path, tuple(groups))
                groups, size = [], 0
        if groups:
            yield Stretch(name, path, tuple(groups))


@dataclass(frozen=True)
class Unit:
    """A stretch and the problems to compare it with."""

    stretch: Stretch
    references: Path


def scan(unit: Unit, folder: Path) -> None:
    """Write the pairs of one unit into the table ``matches`` in ``folder``."""
    references = read_references(unit.references)
    training_set = TRAINING_SETS[unit.stretch.training_set]
    with TableWriter(folder / "matches", MATCHES) as table:
        for row in unit.stretch.rows():
            text = training_set.text(row)
            table.write_all(pairs_of(row["doc_id"], text, training_set, references))


def pairs_of(doc_id: str, text: str, training_set: TrainingSet, references: References) -> Iterator[dict[str, Any]]:
    """Yield the rows of ``MATCHES`` of one document."""
    for found in (same_words(text, references), same_trees(training_set.code(text), references)):
        for pair in found:
            yield {"doc_id": doc_id, "training_set": training_set.name, "removed": True, **pair}


def same_words(text: str, references: References) -> Iterator[dict[str, Any]]:
    """Yield a pair for every problem that shares an n-gram with the text; the value is the share of its n-grams."""
    if not references.grams:
        return
    listed = words(text)
    shared: Counter[int] = Counter()
    first: dict[int, tuple[int, int]] = {}
    for length, hashes in gram_hashes(listed, references.grams.keys()).items():
        for place, task_numbers in references.grams[length].hits(hashes):
            for task_number in task_numbers:
                shared[task_number] += 1
                first[task_number] = min(first.get(task_number, (place, length)), (place, length))
    for task_number, count in sorted(shared.items()):
        task = references.tasks[task_number]
        beginning, length = first[task_number]
        passage = " ".join(listed[beginning : beginning + length])
        yield _pair(task, WORDS, count / task.grams, passage, task.prose)


def same_trees(pieces: Sequence[str], references: References) -> Iterator[dict[str, Any]]:
    """Yield a pair for every problem one of whose functions has the same syntax tree as one in ``pieces``."""
    found: dict[int, str] = {}
    for piece in pieces:
        for tree in function_trees(piece, references.outlines):
            for task_number in references.trees.get(tree.digest, ()):
                found.setdefault(task_number, "\n".join(piece.split("\n")[tree.line - 1 :]))
    for task_number, excerpt in sorted(found.items()):
        task = references.tasks[task_number]
        yield _pair(task, TREE, 1.0, excerpt, task.code)


def _pair(task: Task, measure: str, value: float, document: str, problem: str) -> dict[str, Any]:
    return {
        "task_id": task.task_id,
        "measure": measure,
        "value": value,
        "document_excerpt": document[:EXCERPT_CHARACTERS],
        "task_excerpt": problem[:EXCERPT_CHARACTERS],
    }
