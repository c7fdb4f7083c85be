"""A folder of Python files: your own code, or a tree of repositories.

The walk is in sorted order. It skips hidden folders, virtual environments, installed packages, build outputs and all
links, so that no file outside the folder is read and no file inside it is read twice. A file's package is its repository
(the nearest folder with a ``.git``), else the first folder below the root, else the root.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from codeprimer.core.errors import SourceError
from codeprimer.corpus.licenses import LICENSE_FILE, license_of_text
from codeprimer.corpus.sources.base import (
    Chunk,
    PathSettings,
    Source,
    SourceFile,
    cut_files,
    digest_files,
    existing_path,
    folder_entries,
    printable,
    unreadable,
)

_SKIPPED = ("__pycache__", "dist-packages", "node_modules", "site-packages", "venv")
_BUILD = ("build", "dist", "target")
_LICENSE_BYTES = 100_000


class _Folder(NamedTuple):
    """A folder to walk."""

    path: Path
    relative: str
    """The folder's name in the tables, with a slash at the end; empty for the root."""
    package: str
    spdx: str | None
    """The licence inherited from the folders above."""


class FolderSource(Source):
    """Every ``*.py`` file below a folder."""

    Settings = PathSettings
    settings: PathSettings

    def __init__(self, settings: PathSettings) -> None:
        super().__init__(settings)
        self._root = existing_path(settings)
        if not self._root.is_dir():
            raise SourceError(
                f"corpus.sources: {settings.name}: {self._root} is a file; kind folder needs a folder, kinds jsonl and "
                "parquet read files"
            )

    def digest(self) -> str:
        """Return a digest of the files' paths, packages, licences and contents."""
        return digest_files(self.files())

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yield chunks of consecutive files."""
        yield from cut_files(self.files(), size)

    def files(self) -> list[SourceFile]:
        """Return every Python file, sorted by folder, then by name.

        Raises SourceError if there are no Python files.
        """
        found = list(_walk(self._root))
        if not found:
            raise SourceError(
                f"corpus.sources: {self.settings.name}: {self._root} holds no Python file (*.py); name another folder"
            )
        return found


def _walk(root: Path) -> Iterator[SourceFile]:
    """Yield the files of a folder, then those of its subfolders, in sorted order, at any depth."""
    waiting: list[_Folder] = [_Folder(root, "", printable(root.resolve().name), None)]
    while waiting:
        folder = waiting.pop()
        entries = folder_entries(folder.path)
        spdx = nearest_license(entries) or folder.spdx
        for entry in entries:
            if entry.is_file(follow_symlinks=False) and entry.name.endswith(".py"):
                size = entry.stat(follow_symlinks=False).st_size
                path = folder.relative + printable(entry.name)
                yield SourceFile(folder.path / entry.name, path, folder.package, spdx, size)
        below = [entry for entry in entries if entry.is_dir(follow_symlinks=False) and _is_wanted(entry)]
        waiting += [_below(folder, entry, spdx) for entry in reversed(below)]


def _below(folder: _Folder, entry: os.DirEntry[str], spdx: str | None) -> _Folder:
    relative = f"{folder.relative}{printable(entry.name)}/"
    # Folders at the first level are packages; at deeper levels, only repositories are packages.
    is_package = not folder.relative or (Path(entry.path) / ".git").exists()
    return _Folder(folder.path / entry.name, relative, relative.rstrip("/") if is_package else folder.package, spdx)


def _is_wanted(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith(".") or entry.name in _SKIPPED:
        return False
    path = Path(entry.path)
    if entry.name in _BUILD and not (path / "__init__.py").exists():
        return False
    return not (path / "pyvenv.cfg").exists()


def nearest_license(entries: list[os.DirEntry[str]]) -> str | None:
    """Return the licence stated by a folder's own licence files, or None."""
    for entry in entries:
        is_license = LICENSE_FILE.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)
        if is_license and (found := license_of_text(_beginning(Path(entry.path)))) is not None:
            return found
    return None


def _beginning(path: Path) -> str:
    """Return the beginning of a licence file, which can have any size."""
    try:
        with path.open("rb") as file:
            return file.read(_LICENSE_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise unreadable(path, error) from None
