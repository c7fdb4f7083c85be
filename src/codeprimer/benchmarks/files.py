"""Benchmarks that are distributed as a file: ``.jsonl``, ``.jsonl.gz`` or ``.json``.

A subclass turns one record into a task. Everything else is done here: finding and reading the file, computing its digest,
and raising errors that name the file and the record.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import orjson
from pydantic import Field

from codeprimer.benchmarks.benchmark import Benchmark
from codeprimer.core.documents import Task
from codeprimer.core.errors import PluginError, SourceError
from codeprimer.core.plugins import PluginSettings
from codeprimer.core.settings import NOT_IN_ID

_NOT_A_TASK = (
    AttributeError, KeyError, IndexError, MemoryError, OverflowError, RecursionError, SyntaxError, TypeError, ValueError
)  # fmt: skip
"""The errors that ``task`` raises for a record with a missing key, a wrong type, or code that does not parse."""

FOLDER_VARIABLE = "CODEPRIMER_BENCHMARKS"
"""The environment variable with the path of the folder that contains benchmark files."""


class FileSettings(PluginSettings):
    """The settings of a benchmark in a file."""

    path: Path | None = Field(
        default=None,
        json_schema_extra=NOT_IN_ID,
        description="The file (.jsonl, .jsonl.gz, .json); null: the file in the folder that CODEPRIMER_BENCHMARKS names.",
    )


class FileBenchmark(Benchmark):
    """A benchmark in a file; a subclass reads one record."""

    Settings: ClassVar[type[PluginSettings]] = FileSettings
    files: ClassVar[tuple[str, ...]] = ()
    """The file names under which the benchmark is distributed."""
    address: ClassVar[str] = ""
    """Where the file can be downloaded."""

    @abstractmethod
    def task(self, record: Mapping[str, Any]) -> Task | None:
        """Return the task in a record, or None to skip the record."""

    def tasks(self) -> Iterator[Task]:
        """Yield the tasks in the file. Raises SourceError, which names the file and the record, if it cannot be read."""
        number = 0
        for number, record in records(self.path):
            where = f"{self.path}, record {number}"
            try:
                task = self.task(record)
            except PluginError as error:
                raise SourceError(f"{where}: {error}") from None
            except _NOT_A_TASK as error:
                fault = f"it has no {error}" if isinstance(error, KeyError) else error
                raise SourceError(
                    f"{where}: not a task of the benchmark {self.settings.kind!r}: {fault}; correct it, or download the "
                    "file again"
                ) from None
            if task is not None:
                yield task
        if not number:
            raise SourceError(f"{self.path} contains no tasks; download it again")

    def digest(self) -> str:
        """Return a digest of the file's content."""
        if not self.path.is_file():
            raise SourceError(f"benchmark {self.settings.kind!r}: {self.path} does not exist or is not a file")
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @property
    def path(self) -> Path:
        """The file. Raises SourceError if no path is given and CODEPRIMER_BENCHMARKS names no folder with the file."""
        given: Path | None = getattr(self.settings, "path", None)
        return given or self._known_path()

    def _known_path(self) -> Path:
        folder, kind = os.environ.get(FOLDER_VARIABLE), self.settings.kind
        if not self.files:
            raise SourceError(f"benchmark {kind!r}: set path, which this benchmark requires")
        if not folder:
            raise SourceError(
                f"benchmark {kind!r}: {FOLDER_VARIABLE} is not set; set it to the folder with {self.files[0]}"
            )
        if (found := self.known()) is None:
            raise SourceError(
                f"benchmark {kind!r}: {folder} contains no {' or '.join(self.files)}; download it ({self.address})"
            )
        return found

    @classmethod
    def known(cls) -> Path | None:
        """Return the benchmark's file in the folder that CODEPRIMER_BENCHMARKS names; None if there is no such file."""
        folder = os.environ.get(FOLDER_VARIABLE)
        return (
            next((Path(folder, name) for name in cls.files if Path(folder, name).is_file()), None) if folder else None
        )


def records(path: Path) -> Iterator[tuple[int, Any]]:
    """Yield the records of a file of JSON lines or of one JSON array, numbered from 1; for JSON lines, by line number.

    Raises SourceError if the file cannot be read.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{path} cannot be read ({error}); download it again") from None
    if path.suffix == ".json":
        found = _parsed(path, 1, content)
        if not isinstance(found, list):
            raise SourceError(f"{path} contains a {type(found).__name__}, not a list of tasks; download it again")
        numbered: Iterator[tuple[int, Any]] = enumerate(found, 1)
    else:
        lines = enumerate(content.splitlines(), 1)
        numbered = ((line, _parsed(path, line, text)) for line, text in lines if text.strip())
    for number, record in numbered:
        if not isinstance(record, dict):
            raise SourceError(f"{path}, record {number}: a {type(record).__name__}, not an object; download it again")
        yield number, record


def _parsed(path: Path, line: int, text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise SourceError(f"{path}, line {line}: not JSON ({error}); correct it, or download the file again") from None


def text(record: Mapping[str, Any], key: str) -> str:
    """Return a string field of a record. Raises KeyError if it is missing, TypeError if it is not a string."""
    value = record[key]
    if not isinstance(value, str):
        raise TypeError(f"{key} is not text")
    return value
