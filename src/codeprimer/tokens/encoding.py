"""Encode a training set in parallel, a few row groups at a time, and pack it.

Reads the tables of training texts and writes packed files. Key idea: a unit of work is a few row groups of one shard, so units
are small for any corpus, and their results are joined by copying.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
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
    """A few row groups from one shard of a training set."""

    tokenizer: Path
    shard: Path
    first_group: int
    groups: int
    first_row: int
    """The number of the first row within the whole table."""
    choice: Path
    """A file with one flag per row of the whole table, which is True for rows to encode."""


@dataclass(frozen=True)
class Encoded:
    """The size of an encoded training set."""

    documents: int
    tokens: int
    longer_than_context: int


def encode(
    training_set: TrainingSet, chosen: Chosen, context: int, index: TableWriter, out: Workspace, tools: Tools
) -> Encoded:
    """Encode the chosen documents of a set, pack them into ``out`` and add them to ``index``."""
    choice = out.work / f"{training_set.name}.npy"
    np.save(choice, chosen)
    work = units(training_set.table, out.path, choice)
    folders = tools.engine.map(encode_unit, work, out.work / "ids" / training_set.name, f"encode {training_set.name}")
    documents = chain.from_iterable(map(encoded_documents, folders))
    longer = 0
    with closing(folders), PackedWriter(out.path, training_set.name, index) as writer:
        for doc_id, (ids, prompt) in zip(training_set.doc_ids(chosen), documents, strict=True):
            writer.write(doc_id, ids, prompt)
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
    """Write the ids of the chosen documents, each followed by the end-of-text token, and the lengths of documents and
    prompts."""
    tokenizer = Tokenizer.load(unit.tokenizer)
    bytes_of = np.array([len(tokenizer.token_bytes(token)) for token in range(tokenizer.vocab_size)])
    chosen = np.load(unit.choice, mmap_mode="r")
    lengths, prompts = [], []
    row = unit.first_row
    with (folder / _IDS).open("wb") as file, pq.ParquetFile(unit.shard) as table:
        for group in range(unit.first_group, unit.first_group + unit.groups):
            rows = table.read_row_group(group, columns=["text", "prompt_bytes"], use_threads=False).to_pydict()
            for text, prompt_bytes in zip(rows["text"], rows["prompt_bytes"], strict=True):
                if chosen[row]:
                    ids = [*tokenizer.encode(text), tokenizer.end_of_text]
                    # A token that spans the end of the prompt belongs to the answer.
                    prompts.append(
                        int(np.searchsorted(np.cumsum(bytes_of[ids]), prompt_bytes, side="right"))
                        if prompt_bytes
                        else 0
                    )
                    file.write(np.asarray(ids, "<u2").tobytes())
                    lengths.append(len(ids))
                row += 1
    np.save(folder / _LENGTHS, np.asarray([lengths, prompts], np.int64))


def encoded_documents(folder: Path) -> Iterator[tuple[Ids, int]]:
    """Yield the ids of a finished unit's documents in order, with the length of each prompt [tokens]."""
    lengths, prompts = np.load(folder / _LENGTHS).tolist()
    if not lengths:
        return
    ids = np.memmap(folder / _IDS, dtype="<u2", mode="r")
    start = 0
    for length, prompt in zip(lengths, prompts, strict=True):
        yield ids[start : start + length], prompt
        start += length
