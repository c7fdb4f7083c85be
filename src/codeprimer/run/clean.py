"""Finds and removes artefacts that no run links to, and interrupted attempts if they are requested.

Folders that a run is working on are never listed or removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from codeprimer.core.artifact import Store
from codeprimer.core.errors import StoreError, UserError
from codeprimer.run.folder import STORE

Sized = list[tuple[Path, int]]
"""Folders with their sizes [bytes]."""


def unlinked(runs: Path) -> Sized:
    """Return the artefacts that no run links to, and leftovers from a removal that was killed.

    Raises UserError if ``runs`` does not contain a store, StoreError if a folder next to the store cannot be read.
    """
    store = _store(runs)
    linked = {link.readlink().name for folder in _run_folders(runs, _DEEP) for link in _links(folder)}
    left = [path for path in store.leftovers() if path.is_dir()]
    return _sized([path for path in store.artifacts() if path.name not in linked] + left)


def attempts(runs: Path) -> Sized:
    """Return the interrupted attempts, which the next run of their recipe resumes."""
    return _sized(_store(runs).partials())


def remove(runs: Path, found: Sized) -> None:
    """Remove these folders and stale locks. Raises StoreError for a folder that a run is working on."""
    store = _store(runs)
    for path, _ in found:
        store.remove(path)
    for path in store.leftovers():
        store.remove(path)


_DEEP = 2
"""How deep below ``runs`` run folders are searched for: runs/mine and runs/archive/mine."""

_LINK = re.compile(r"[0-9]{2}-.*")


def _run_folders(folder: Path, deep: int) -> Iterator[Path]:
    """Yield the folders that may be run folders.

    Raises StoreError for an unreadable folder: it may be a run too, and its artefacts would seem to be unlinked.
    """
    for entry in _entries(folder):
        if entry.name == STORE or _LINK.fullmatch(entry.name):
            continue
        if entry.is_symlink() and not entry.exists():
            raise StoreError(f"{entry} is a broken link; fix or remove it, then clean again")
        if entry.is_dir():
            yield entry
            if deep > 1:
                yield from _run_folders(entry, deep - 1)


def _links(folder: Path) -> list[Path]:
    """Return a run's links to artefacts; if the run was moved, its broken links still show the artefacts' names."""
    return [entry for entry in _entries(folder) if _LINK.fullmatch(entry.name) and entry.is_symlink()]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise StoreError(
            f"{folder} cannot be read ({error.strerror}), so what it links to is unknown; make it readable, then "
            "clean again"
        ) from None


def _store(runs: Path) -> Store:
    store = Store(runs / STORE)
    if not store.root.is_dir():
        raise UserError(f"{runs} holds no runs (it has no folder {STORE!r}); see --runs")
    return store


def _sized(paths: list[Path]) -> Sized:
    return [(path, _size(path)) for path in paths]


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
