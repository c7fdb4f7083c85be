"""Which artefacts no run links to, and their removal."""

from __future__ import annotations

from pathlib import Path

from codeprimer.core.artifact import Store
from codeprimer.core.errors import UserError
from codeprimer.run_folder import STORE


def unlinked(runs: Path) -> list[tuple[Path, int]]:
    """Return the artefacts and interrupted attempts that no run uses, with their sizes [bytes].

    Raises UserError when ``runs`` holds no store.
    """
    store = Store(runs / STORE)
    if not store.root.is_dir():
        raise UserError(f"{runs} holds no runs (it has no folder {STORE!r}); see --runs")
    linked = {link.resolve() for link in runs.glob("*/[0-9][0-9]-*") if link.is_symlink()}
    candidates = [path for path in store.artifacts() if path.resolve() not in linked] + store.partials()
    return [(path, _size(path)) for path in candidates]


def remove_unlinked(runs: Path) -> None:
    """Remove what ``unlinked`` lists; an attempt that a run is working on raises StoreError."""
    store = Store(runs / STORE)
    for path, _ in unlinked(runs):
        store.remove(path)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
