"""Sharded Parquet tables with reproducible bytes, written and read in constant memory.

A table is a folder of ``00000.parquet, 00001.parquet, ...`` of at most 64 MB each, which ``datasets.load_dataset``,
DuckDB, Polars and pandas open directly. Equal rows in equal order give equal bytes: the split into row groups and
shards depends on the rows alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, overload

import pyarrow as pa
import pyarrow.parquet as pq

from codeprimer.core.errors import StoreError

Row = dict[str, Any]
RowType = TypeVar("RowType", bound=Mapping[str, Any])

SHARD_BYTES = 64 * 2**20
"""Maximum size of a shard [bytes of text before compression]."""

GROUP_BYTES = 4 * 2**20
"""A writer flushes its buffered rows at this size, which bounds its memory [bytes of text]."""

GROUP_ROWS = 4096


class TableWriter:
    """Writes the rows of one table into a folder of shards; use as a context manager.

    The folder exists from the start, so an empty table is still a table: one shard with the schema and no rows.
    """

    def __init__(self, folder: Path, schema: pa.Schema, shard_bytes: int = SHARD_BYTES) -> None:
        self.folder = folder
        self.schema = schema
        self.rows = 0
        self._shard_bytes = shard_bytes
        self._buffer: list[Row] = []
        self._buffered_bytes = 0
        self._written_bytes = 0
        self._shards = 0
        self._file: pq.ParquetWriter | None = None
        folder.mkdir(parents=True, exist_ok=False)

    def write(self, row: Mapping[str, Any]) -> None:
        """Append one row; missing columns become null, unknown columns raise AssertionError."""
        unknown = row.keys() - set(self.schema.names)
        assert not unknown, f"{self.folder.name} has no column {sorted(unknown)}"
        self._buffer.append(dict(row))
        self._buffered_bytes += _weight(row)
        self.rows += 1
        if self._buffered_bytes >= GROUP_BYTES or len(self._buffer) >= GROUP_ROWS:
            self._flush()

    def write_all(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append many rows."""
        for row in rows:
            self.write(row)

    def close(self) -> None:
        """Flush buffered rows and finish the last shard."""
        if self._buffer or not self._shards:
            self._flush()
        self._finish_shard()

    def _flush(self) -> None:
        if self._file is None:
            path = self.folder / f"{self._shards:05d}.parquet"
            self._file = pq.ParquetWriter(path, self.schema, compression="zstd")
            self._shards += 1
        self._file.write_table(pa.Table.from_pylist(self._buffer, schema=self.schema))
        self._written_bytes += self._buffered_bytes
        self._buffer, self._buffered_bytes = [], 0
        if self._written_bytes >= self._shard_bytes:
            self._finish_shard()

    def _finish_shard(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            self._written_bytes = 0

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        elif self._file is not None:
            self._file.close()


def _weight(row: Mapping[str, Any]) -> int:
    return 64 + sum(len(value) for value in row.values() if isinstance(value, str))


def shard_paths(folder: Path) -> list[Path]:
    """Return the shards of a table in order."""
    return sorted(folder.glob("*.parquet"))


def read_batches(folder: Path, columns: Sequence[str] | None = None, batch_rows: int = 256) -> Iterator[pa.RecordBatch]:
    """Yield a table's record batches in order, one batch in memory at a time.

    Raises StoreError if there is no shard: even an empty table has one, so the table has been lost.
    """
    if not (paths := shard_paths(folder)):
        raise StoreError(f"{folder} holds no table; remove {folder.parent} and run again")
    for path in paths:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=batch_rows, columns=columns, use_threads=False)


@overload
def read_rows(folder: Path, columns: Sequence[str] | None = None) -> Iterator[Row]: ...
@overload
def read_rows(folder: Path, columns: Sequence[str] | None, of: type[RowType]) -> Iterator[RowType]: ...
def read_rows(folder: Path, columns: Sequence[str] | None = None, of: Any = Row) -> Iterator[Any]:
    """Yield a table's rows in order as dictionaries, typed as ``of`` (a row type in ``core.documents``).

    Only one batch is in memory at a time.
    """
    del of
    for batch in read_batches(folder, columns):
        yield from batch.to_pylist()


def count_rows(folder: Path) -> int:
    """Return the number of rows in a table; reads only the shards' footers."""
    return sum(pq.read_metadata(path).num_rows for path in shard_paths(folder))
