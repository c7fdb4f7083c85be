"""The source interface, and helpers for sources that read files.

A source runs in the main process, where it lists and digests its documents. Its chunks are small values that are sent to
worker processes; there, each chunk reads its own documents, one at a time.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import xxhash
from pydantic import Field

from codeprimer.core.errors import SourceError
from codeprimer.core.plugins import Plugin, PluginSettings
from codeprimer.core.settings import NOT_IN_ID


@dataclass(frozen=True)
class RawDocument:
    """A file as stored in the source."""

    path: str
    """The path relative to the source, with forward slashes."""
    package: str
    license: str | None
    content: bytes
    """The file's first bytes, at most one more than the limit: enough to recognise a huge file without reading all of it."""


class Chunk(Protocol):
    """A part of a source that one worker reads; small and picklable."""

    def documents(self, limit: int) -> Iterator[RawDocument]:
        """Yield the documents in a fixed order, reading at most ``limit + 1`` bytes of each."""
        ...


class SourceSettings(PluginSettings):
    """A source of documents."""

    name: str = Field(min_length=1, max_length=80, description="The source's name in tables and reports.")


class Source(Plugin):
    """A source of documents."""

    role: ClassVar[str] = "source"
    Settings: ClassVar[type[PluginSettings]] = SourceSettings
    settings: SourceSettings

    @abstractmethod
    def digest(self) -> str:
        """Return a digest of everything that the chunks will read."""

    @abstractmethod
    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yield the source's chunks in a fixed order, each with about ``size`` bytes."""


@dataclass(frozen=True)
class SourceFile:
    """A file on disk that holds one document."""

    file: Path
    path: str
    package: str
    license: str | None
    size: int


@dataclass(frozen=True)
class FileChunk:
    """Several files, one document per file."""

    files: tuple[SourceFile, ...]

    def documents(self, limit: int) -> Iterator[RawDocument]:
        """Yield one document per file."""
        for entry in self.files:
            try:
                with entry.file.open("rb") as file:
                    content = file.read(limit + 1)
            except OSError as error:
                raise unreadable(entry.file, error) from None
            yield RawDocument(entry.path, entry.package, entry.license, content)


def cut_files(files: Iterable[SourceFile], size: int) -> Iterator[FileChunk]:
    """Yield chunks of consecutive files, each with at least ``size`` bytes in total; the last chunk may be smaller."""
    waiting: list[SourceFile] = []
    total = 0
    for entry in files:
        waiting.append(entry)
        total += entry.size
        if total >= size:
            yield FileChunk(tuple(waiting))
            waiting, total = [], 0
    if waiting:
        yield FileChunk(tuple(waiting))


def digest_files(files: Iterable[SourceFile]) -> str:
    """Return the XXH3-128 digest of every file's path, package, licence and content."""
    digest = xxhash.xxh3_128()
    for entry in files:
        digest.update(f"{entry.path}\0{entry.package}\0{entry.license}\0{entry.size}\0".encode())
        digest_content(digest, entry.file)
    return digest.hexdigest()


def digest_content(digest: xxhash.xxh3_128, path: Path) -> None:
    """Add a file's content to a digest, block by block, so that memory use stays constant."""
    try:
        with path.open("rb", buffering=0) as file:
            while block := file.read(2**20):
                digest.update(block)
    except OSError as error:
        raise unreadable(path, error) from None


class PathSettings(SourceSettings):
    """A source that reads a path."""

    path: Path = Field(json_schema_extra=NOT_IN_ID, description="A file or folder, relative to the recipe.")


def existing_path(settings: PathSettings) -> Path:
    """Return a source's path. Raises SourceError if it does not exist."""
    if not settings.path.exists():
        raise SourceError(
            f"corpus.sources: {settings.name}: {settings.path} does not exist; correct the path in the recipe"
        )
    return settings.path


def data_files(settings: PathSettings, suffixes: Sequence[str]) -> list[tuple[Path, str]]:
    """Return a source's data files with their names: the path itself, or every file below it with one of the suffixes.

    Raises SourceError if there are no such files.
    """
    root = existing_path(settings)
    if root.is_file():
        return [(root, printable(root.name))]
    found = _named_below(root, suffixes)
    if not found:
        raise SourceError(
            f"corpus.sources: {settings.name}: {root} contains no {' or '.join(suffixes)} files; name another "
            "path or kind"
        )
    return found


def _named_below(root: Path, suffixes: Sequence[str]) -> list[tuple[Path, str]]:
    """Return the files below a folder that have one of the suffixes, sorted, with their names relative to the folder."""
    found = sorted(path for path in files_below(root) if path.suffix in suffixes and path.is_file())
    return [(path, printable(path.relative_to(root).as_posix())) for path in found]


def files_below(root: Path) -> Iterator[Path]:
    """Yield all files below ``root``, at any depth and in no particular order; links are not followed.

    Raises SourceError if a folder cannot be read, because its files would otherwise be missing without notice.
    """
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        for entry in folder_entries(folder):
            if entry.is_dir(follow_symlinks=False):
                waiting.append(folder / entry.name)
            else:
                yield folder / entry.name


def folder_entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return a folder's entries, sorted by name.

    Raises SourceError if the folder cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise unreadable(folder, error) from None


def printable(name: str) -> str:
    """Return a file name that a table can hold: bytes that are not UTF-8 are escaped, for example as ``\\xe9``."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def digest_data_files(files: Iterable[tuple[Path, str]]) -> str:
    """Return the XXH3-128 digest of the data files' names and content."""
    digest = xxhash.xxh3_128()
    for path, name in files:
        digest.update(f"{name}\0".encode())
        digest_content(digest, path)
    return digest.hexdigest()


def digest_files_below(root: Path, *suffixes: str) -> str:
    """Return the XXH3-128 digest of the names and content of all files with a suffix such as ".md" below a folder."""
    return digest_data_files(_named_below(root, suffixes))


def unreadable(path: Path, error: OSError) -> SourceError:
    """Return the error for a file or folder that cannot be read."""
    return SourceError(f"{path} cannot be read ({error.strerror}); fix its permissions or remove it")
