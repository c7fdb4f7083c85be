"""Encode documents in parallel, a few row groups at a time.

Reads the tables of training texts, writes the ids of each unit of work into its folder. Its one idea: a unit is a few
row groups of one shard, so units are small whatever the corpus, and putting them together is copying.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from codeprimer.core.shards import shard_paths
from codeprimer.model.packed import Ids
from codeprimer.model.tokenizer import Tokenizer

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
    """A file of one boolean per row of the whole table: which rows to encode."""


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
