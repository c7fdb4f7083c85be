"""Encode a training set in parallel, a few row groups at a time, and pack it.

Reads the tables of training texts, writes packed files. Its one idea: a unit of work is a few row groups of one shard,
so units are small whatever the corpus, and putting them together is copying.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from codeprimer.core.artifact import Workspace
from codeprimer.core.shards import TableWriter, shard_paths
from codeprimer.core.stage import Tools
from codeprimer.model.packed import Ids, PackedWriter
from codeprimer.model.tokenizer import Tokenizer
from codeprimer.tokens.sets import Chosen, TrainingSet

UNIT_GROUPS = 4
"""Row groups per unit of work; a row group holds at most about 4 MB of text."""

_IDS = "ids.bin"
_LENGTHS = "lengths.npy"


@dataclass(frozen=True)
class Unit:
    """Some row groups of one shard of one training set."""

    tokenizer: Path
    shard: Path
    first_group: int
    groups: int
    first_row: int
    """The number of the first row within the whole table."""
    choice: Path
    """A file with one flag per row of the whole table: which rows to encode."""


@dataclass(frozen=True)
class Encoded:
    """What became of one training set."""

    documents: int
    tokens: int
    longer_than_context: int


def encode(
    training_set: TrainingSet, chosen: Chosen, context: int, index: TableWriter, out: Workspace, tools: Tools
) -> Encoded:
    """Encode the chosen documents of a set, pack them into ``out`` and list them in ``index``."""
    choice = out.work / f"{training_set.name}.npy"
    np.save(choice, chosen)
    work = units(training_set.table, out.path, choice)
    folders = tools.engine.map(encode_unit, work, out.work / "ids" / training_set.name, f"encode {training_set.name}")
    documents = chain.from_iterable(map(encoded_documents, folders))
    longer = 0
    with PackedWriter(out.path, training_set.name, index) as writer:
        for doc_id, ids in zip(training_set.doc_ids(chosen), documents, strict=True):
            writer.write(doc_id, ids)
            longer += len(ids) > context
    return Encoded(writer.documents, writer.tokens, longer)


def units(table: Path, tokenizer: Path, choice: Path) -> Iterator[Unit]:
    """Yield the units of work of one training set in the order of its rows."""
    row = 0
    for shard in shard_paths(table):
        metadata = pq.read_metadata(shard)
        for first in range(0, metadata.num_row_groups, UNIT_GROUPS):
            groups = min(UNIT_GROUPS, metadata.num_row_groups - first)
            yield Unit(tokenizer, shard, first, groups, row, choice)
            row += sum(metadata.row_group(group).num_rows for group in range(first, first + groups))


def encode_unit(unit: Unit, folder: Path) -> None:
    """Write the ids of the chosen documents, each followed by the end-of-text token, and their lengths."""
    tokenizer = Tokenizer.load(unit.tokenizer)
    chosen = np.load(unit.choice, mmap_mode="r")
    lengths = []
    row = unit.first_row
    with (folder / _IDS).open("wb") as file, pq.ParquetFile(unit.shard) as table:
        for group in range(unit.first_group, unit.first_group + unit.groups):
            for text in table.read_row_group(group, columns=["text"], use_threads=False).column("text").to_pylist():
                if chosen[row]:
                    ids = [*tokenizer.encode(text), tokenizer.end_of_text]
                    file.write(np.asarray(ids, "<u2").tobytes())
                    lengths.append(len(ids))
                row += 1
    np.save(folder / _LENGTHS, np.asarray(lengths, np.int64))


def encoded_documents(folder: Path) -> Iterator[Ids]:
    """Yield the ids of a finished unit's documents in order."""
    lengths = np.load(folder / _LENGTHS)
    if not len(lengths):
        return
    ids = np.memmap(folder / _IDS, dtype="<u2", mode="r")
    start = 0
    for length in lengths.tolist():
        yield ids[start : start + length]
        start += length
