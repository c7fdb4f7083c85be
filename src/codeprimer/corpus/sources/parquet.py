"""Parquet files: one document per row, read row group by row group, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from codeprimer.core.errors import SourceError
from codeprimer.corpus.sources.base import Chunk, RawDocument, Source, data_files, digest_data_files, unreadable
from codeprimer.corpus.sources.columns import ColumnSettings, row_document, text_column

_BATCH_ROWS = 64


class ParquetSource(Source):
    """Every row in one or more ``.parquet`` files."""

    Settings = ColumnSettings
    settings: ColumnSettings

    def __init__(self, settings: ColumnSettings) -> None:
        super().__init__(settings)
        self._files = data_files(settings, (".parquet",))

    def digest(self) -> str:
        """Return a digest of the files' names and contents."""
        return digest_data_files(self._files)

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yield ranges of row groups.

        Raises SourceError if a file is not Parquet or lacks the text column.
        """
        for path, name in self._files:
            with _open(path) as file:
                text_column(self.settings, file.schema_arrow.names, path.__str__)
                sizes = [file.metadata.row_group(index).total_byte_size for index in range(file.num_row_groups)]
            for first, last in _runs(sizes, size):
                yield ParquetChunk(path, name, first, last, self.settings)


@dataclass(frozen=True)
class ParquetChunk:
    """Consecutive row groups in a file."""

    file: Path
    name: str
    first: int
    last: int
    settings: ColumnSettings

    def documents(self, limit: int) -> Iterator[RawDocument]:
        """Yield one document per row; a document without a path is named after its row group and row."""
        with _open(self.file) as file:
            present = file.schema_arrow.names
            text = text_column(self.settings, present, self.file.__str__)
            others = (self.settings.path_column, self.settings.license_column, self.settings.package_column)
            wanted = [text, *sorted({name for name in others if name in present})]
            for group in range(self.first, self.last):
                batches = file.iter_batches(_BATCH_ROWS, row_groups=[group], columns=wanted, use_threads=False)
                rows = (row for batch in batches for row in batch.to_pylist())
                for index, row in enumerate(rows):
                    place = f"{self.file}: row {index} of row group {group}"
                    yield row_document(row, self.settings, f"{self.name}@{group}.{index}", limit, place.__str__)


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except OSError as error:
        raise unreadable(path, error) from None
    except pa.ArrowInvalid:
        raise SourceError(f"{path} is not a Parquet file; kind parquet reads only Parquet files") from None


def _runs(sizes: list[int], size: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of row groups, each with at least ``size`` bytes in total; the last range may be smaller."""
    first = total = 0
    for index, group in enumerate(sizes):
        total += group
        if total >= size:
            yield first, index + 1
            first, total = index + 1, 0
    if first < len(sizes):
        yield first, len(sizes)
