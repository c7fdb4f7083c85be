"""Row groups of a table; workers read tables one row group at a time, so that no process holds a whole table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from codeprimer.core.documents import Document
from codeprimer.core.shards import shard_paths

BATCH_ROWS = 64
"""Maximum number of rows in memory at a time."""


@dataclass(frozen=True)
class RowGroup:
    """One row group of the ``documents`` table, and the index of its first row in the whole table."""

    shard: Path
    group: int
    first: int
    rows: int

    def batches(self, columns: Sequence[str]) -> Iterator[list[Document]]:
        """Yield the given columns of its rows in batches of at most ``BATCH_ROWS``."""
        with pq.ParquetFile(self.shard) as file:
            for batch in file.iter_batches(BATCH_ROWS, [self.group], list(columns), use_threads=False):
                rows: Any = batch.to_pylist()
                yield rows


def row_groups(table: Path) -> list[RowGroup]:
    """Return all row groups in a table, in order."""
    groups: list[RowGroup] = []
    first = 0
    for shard in shard_paths(table):
        metadata = pq.read_metadata(shard)
        for group in range(metadata.num_row_groups):
            rows = metadata.row_group(group).num_rows
            groups.append(RowGroup(shard, group, first, rows))
            first += rows
    return groups


@dataclass(frozen=True)
class SelectedRows:
    """Selected rows in a row group."""

    group: RowGroup
    indices: tuple[int, ...]
    """Indices within the row group, ascending."""

    def batches(self) -> Iterator[list[Document]]:
        """Yield the ``doc_id`` and ``text`` of the selected rows in batches of at most ``BATCH_ROWS``."""
        selected, index = frozenset(self.indices), 0
        waiting: list[Document] = []
        for batch in self.group.batches(["doc_id", "text"]):
            waiting += [row for offset, row in enumerate(batch, start=index) if offset in selected]
            index += len(batch)
            while len(waiting) >= BATCH_ROWS:
                yield waiting[:BATCH_ROWS]
                waiting = waiting[BATCH_ROWS:]
        if waiting:
            yield waiting

    def documents(self) -> Iterator[Document]:
        """Yield the ``doc_id`` and ``text`` of the selected rows."""
        for batch in self.batches():
            yield from batch
