"""Which artefacts no run links to, and their removal; interrupted attempts too, where they are asked for.

What a run is working on is never listed and never touched.
"""

from __future__ import annotations

from pathlib import Path

from codeprimer.core.artifact import Store
from codeprimer.core.errors import UserError
from codeprimer.run_folder import STORE

Sized = list[tuple[Path, int]]
"""Folders with their sizes [bytes]."""


def unlinked(runs: Path) -> Sized:
    """Return the artefacts that no run uses, and what a removal that was killed has left.

    Raises UserError when ``runs`` holds no store.
    """
    store = _store(runs)
    linked = {link.resolve() for link in runs.glob("*/[0-9][0-9]-*") if link.is_symlink()}
    left = [path for path in store.remains() if path.is_dir()]
    return _sized([path for path in store.artifacts() if path.resolve() not in linked] + left)


def attempts(runs: Path) -> Sized:
    """Return the interrupted attempts, with which the next run of their recipe continues."""
    return _sized(_store(runs).partials())


def remove(runs: Path, found: Sized) -> None:
    """Remove these folders, and the locks of attempts that are gone; one that a run works on raises StoreError."""
    store = _store(runs)
    for path, _ in found:
        store.remove(path)
    for path in store.remains():
        store.remove(path)


def _store(runs: Path) -> Store:
    store = Store(runs / STORE)
    if not store.root.is_dir():
        raise UserError(f"{runs} holds no runs (it has no folder {STORE!r}); see --runs")
    return store


def _sized(paths: list[Path]) -> Sized:
    return [(path, _size(path)) for path in paths]


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
