"""JSON Lines: one document per line, with a key for its text and optional keys for path, licence and package.

A file is cut into byte ranges at line ends, so that workers can read it in parallel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from codeprimer.core.errors import SourceError
from codeprimer.corpus.sources.base import Chunk, RawDocument, Source, data_files, digest_data_files, unreadable
from codeprimer.corpus.sources.columns import ColumnSettings, row_document


class JsonlSource(Source):
    """Every line in one or more ``.jsonl`` or ``.ndjson`` files."""

    Settings = ColumnSettings
    settings: ColumnSettings

    def __init__(self, settings: ColumnSettings) -> None:
        super().__init__(settings)
        self._files = data_files(settings, (".jsonl", ".ndjson"))

    def digest(self) -> str:
        """Return a digest of the files' names and contents."""
        return digest_data_files(self._files)

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yield byte ranges that end at line ends."""
        for path, name in self._files:
            for start, end in _ranges(path, size):
                yield JsonlChunk(path, name, start, end, self.settings)


@dataclass(frozen=True)
class JsonlChunk:
    """The lines between two byte positions in a file."""

    file: Path
    name: str
    start: int
    end: int
    settings: ColumnSettings

    def documents(self, limit: int) -> Iterator[RawDocument]:
        """Yield one document per line; a document without a path is named after the byte position of its line.

        Raises SourceError, naming the line, if a line is not a JSON object or lacks the text.
        """
        with self.file.open("rb") as file:
            file.seek(self.start)
            while (position := file.tell()) < self.end:
                line = file.readline()
                if line.strip():
                    yield self._document(line, position, limit)

    def _document(self, line: bytes, position: int, limit: int) -> RawDocument:
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise SourceError(
                f"{self._place(position)} is not JSON ({error}); kind jsonl needs one JSON object per line"
            ) from None
        if not isinstance(row, dict):
            kind = type(row).__name__
            raise SourceError(f"{self._place(position)} holds a {kind}; kind jsonl needs one JSON object per line")
        return row_document(row, self.settings, f"{self.name}@{position}", limit, lambda: self._place(position))

    def _place(self, position: int) -> str:
        """Return the file and the line number for a byte position; counting lines is slow, so this is for errors only."""
        lines = 1
        with self.file.open("rb") as file:
            while file.tell() < position and file.readline():
                lines += 1
        return f"{self.file}: line {lines}"


def _ranges(path: Path, size: int) -> Iterator[tuple[int, int]]:
    try:
        with path.open("rb") as file:
            total = file.seek(0, 2)
            start = 0
            while start < total:
                file.seek(min(start + size, total))
                file.readline()
                yield start, file.tell()
                start = file.tell()
    except OSError as error:
        raise unreadable(path, error) from None
