"""A run's folder: links to the artefacts it uses, the recipe as it was run, and the machine's decisions.

::

    runs/store/<stage>-<id>/      every artefact, shared by all runs next to it
    runs/tiny/recipe.yaml         the complete recipe of the last run
    runs/tiny/machine.json        device, precision, threads and tier: decided once, so that a resumed run gives the same bytes
    runs/tiny/10-corpus           -> ../store/corpus-0123456789abcdef
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from codeprimer.core.artifact import Artifact, Store, open_artifact, to_json, write_atomically
from codeprimer.core.errors import StoreError, UserError
from codeprimer.sandbox import Tier
from codeprimer.training.settings import MOST_THREADS

STORE = "store"
RECIPE = "recipe.yaml"
MACHINE = "machine.json"
NOT_THERE = "does not exist"


class RunFolder:
    """The folder of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = Store(path.parent / STORE)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Create and lock the folder. Raises StoreError if another run holds it.

        The kernel releases the lock when the process dies, however it dies.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.store.root.mkdir(parents=True, exist_ok=True)
            lock = (self.path / ".lock").open("w")
        except OSError as error:
            raise StoreError(f"cannot write the run folder {self.path}: {error.strerror}; see --runs") from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StoreError(f"another run is using {self.path} right now; wait for it, or stop it first") from None
            yield

    def machine(self) -> dict[str, Any]:
        """Return the machine's recorded decisions; empty before the first one."""
        path = self.path / MACHINE
        try:
            decided = orjson.loads(path.read_bytes())
        except FileNotFoundError:
            return {}
        except (orjson.JSONDecodeError, IsADirectoryError):
            decided = None
        if not isinstance(decided, dict) or not all(_may_be(key, value) for key, value in decided.items()):
            raise StoreError(f"{path} is damaged; remove it, and the next run decides again")
        return decided

    def decide(self, decisions: dict[str, Any]) -> None:
        """Record the machine's decisions."""
        write_atomically(self.path / MACHINE, to_json(decisions))

    def link(self, name: str, artifact: Artifact) -> None:
        """Point ``name`` at an artefact, replacing an older link atomically."""
        target = Path(os.path.relpath(artifact.path.resolve(), self.path.resolve()))
        link = self.path / name
        if link.is_symlink() and link.readlink() == target:
            return
        temporary = self.path / f".{name}.tmp"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        temporary.replace(link)
        self._drop_stale()

    def _drop_stale(self) -> None:
        """Remove links to artefacts that were made from inputs other than the linked ones: a run never mixes two recipes.

        The artefacts stay in the store; a run that needs them again finds them there.
        """
        known: set[str] = set()
        for link in self.links().values():
            artifact = open_artifact(link)
            if set(artifact.manifest["inputs"].values()) <= known:
                known.add(artifact.id)
            else:
                link.unlink()

    def links(self) -> dict[str, Path]:
        """Return the linked artefacts by step name (``corpus``), in the order of the flow; broken links are
        omitted."""
        found = sorted(path for path in self.path.glob("[0-9][0-9]-*") if path.is_symlink() and path.exists())
        return {path.name[3:]: path for path in found}

    def artifact(self, step: str) -> Artifact:
        """Return a step's artefact, given the name of the step or of its link (``20-quality``).

        Raises UserError if the run has not reached the step yet.
        """
        step, links = step_name(step), self.links()
        if step not in links:
            raise UserError(f"{self.path} has no {step} yet; `codeprimer run {self.path}` makes it")
        return open_artifact(links[step])


def _may_be(key: str, value: Any) -> bool:
    """Return whether a recorded decision is valid."""
    match key:
        case "threads":
            return type(value) is int and 1 <= value <= MOST_THREADS
        case "precision":
            return value in ("float32", "bfloat16", "float16")
        case "device":
            return value in ("cpu", "cuda")
        case "sandbox":
            return value in Tier.__members__
        case _:
            return False


def step_name(word: str) -> str:
    """Return a step's name, given that name or its link's: ``quality`` for ``20-quality``."""
    return re.sub(r"^[0-9]{2}-", "", word)


def open_run(path: Path) -> RunFolder:
    """Open the folder of an existing run.

    Raises UserError if the folder is not a run folder.
    """
    if not (path / RECIPE).exists():
        fault = f"is not a run folder (it has no {RECIPE})" if path.exists() else NOT_THERE
        raise UserError(f"{path} {fault}; `codeprimer run RECIPE` makes a run's folder")
    # The store is next to the folder as named or, if that is "." or a link from elsewhere, next to the real folder.
    is_beside = path.name not in ("", "..") and (path.parent / STORE).is_dir()
    return RunFolder(path if is_beside else path.resolve())
