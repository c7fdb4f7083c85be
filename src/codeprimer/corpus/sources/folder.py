"""A folder of Python files: one's own code, or a tree of repositories.

Walks in sorted order. Left out: hidden folders, virtual environments, installed packages, build outputs, and every
link, so that nothing outside the folder is read and nothing inside it twice. A package is the repository that holds a
file (the nearest folder with a ``.git``), else the first folder below the root, else the root.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from codeprimer.core.console import Console
from codeprimer.core.errors import SourceError
from codeprimer.corpus.licenses import LICENSE_FILE, license_of_text
from codeprimer.corpus.settings import SourceSettings
from codeprimer.corpus.sources.base import (
    Chunk,
    SourceFile,
    cut_files,
    digest_files,
    required_path,
    unreadable,
    warn_of_columns,
)

_SKIPPED = ("__pycache__", "dist-packages", "node_modules", "site-packages", "venv")
_BUILD = ("build", "dist", "target")


class FolderSource:
    """Every ``*.py`` below a folder."""

    def __init__(self, settings: SourceSettings, console: Console) -> None:
        self.settings = settings
        self._console = console
        self._root = required_path(settings)
        if not self._root.is_dir():
            raise SourceError(
                f"corpus.sources: {settings.name}: {self._root} is a file; kind folder needs a folder, kinds jsonl and "
                "parquet read files"
            )

    def digest(self) -> str:
        """Return a digest of paths, packages, licences and contents."""
        return digest_files(self.files())

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yield runs of neighbouring files."""
        warn_of_columns(self.settings, self._console)
        yield from cut_files(self.files(), size)

    def files(self) -> list[SourceFile]:
        """Return every Python file, sorted by folder, then by name.

        Raises SourceError when there is none.
        """
        found = list(_walk(self._root, "", self._root.resolve().name, None))
        if not found:
            raise SourceError(
                f"corpus.sources: {self.settings.name}: {self._root} holds no Python file (*.py); name another folder"
            )
        return found


def _walk(folder: Path, relative: str, package: str, spdx: str | None) -> Iterator[SourceFile]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise unreadable(folder, error) from None
    spdx = nearest_license(entries) or spdx
    for entry in entries:
        if entry.is_file(follow_symlinks=False) and entry.name.endswith(".py"):
            size = entry.stat(follow_symlinks=False).st_size
            yield SourceFile(folder / entry.name, relative + entry.name, package, spdx, size)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False) and _is_wanted(entry):
            below = f"{relative}{entry.name}/"
            # The first level names packages; deeper down only a repository does.
            own = below.rstrip("/") if not relative or (Path(entry.path) / ".git").exists() else package
            yield from _walk(folder / entry.name, below, own, spdx)


def _is_wanted(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith(".") or entry.name in _SKIPPED:
        return False
    path = Path(entry.path)
    if entry.name in _BUILD and not (path / "__init__.py").exists():
        return False
    return not (path / "pyvenv.cfg").exists()


def nearest_license(entries: list[os.DirEntry[str]]) -> str | None:
    """Return the licence that a folder's own licence files state, or None."""
    for entry in entries:
        if LICENSE_FILE.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
            text = Path(entry.path).read_bytes()[:100_000].decode("utf-8", "replace")
            if (found := license_of_text(text)) is not None:
                return found
    return None
