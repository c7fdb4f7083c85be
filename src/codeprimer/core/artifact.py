"""Artefacts: complete, immutable folders in a store, addressed by their inputs.

An artefact lives in ``store/<stage>-<id>/``. Its id is a hash of the stage's version and settings, the seed, the ids of
the inputs and the content of source files; never of times, paths or metrics. The artefact is written to
``store/.partial/<stage>-<id>/``, its manifest last, and then renamed, so a crash leaves no incomplete artefact behind;
the next run reuses the finished units in the partial folder.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import orjson
import pyarrow as pa
import xxhash

from codeprimer.core import shards
from codeprimer.core.errors import StoreError

MANIFEST = "manifest.json"
COST = "cost.json"
"""The file with the cost of producing the artefact (seconds, peak memory); not part of its manifest."""

_WORK = ".work"
_SPENT = "spent.json"
_PARTIAL = ".partial"
_REMOVED = ".removed"
_LOCK = ".lock"

_FULL_MEBIBYTES = 4
"""If less space than this is free [MiB], a write error without an error code is treated as a full disk."""


def content_id(stage: str, version: int, ingredients: Mapping[str, Any], inputs: Mapping[str, str]) -> str:
    """Return the 16 hex digits that identify an artefact by everything that determines its bytes.

    ``ingredients`` are its settings, its seed and everything else it is made from; ``inputs`` maps input names to ids.
    """
    facts = {"stage": stage, "version": version, "ingredients": ingredients, "inputs": inputs}
    return hashlib.sha256(to_json(facts)).hexdigest()[:16]


def to_json(value: Any) -> bytes:
    """Return canonical JSON: sorted keys, two-space indent, a newline at the end."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that readers see either the old content or the new, even after a crash."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


@dataclass(frozen=True)
class Artifact:
    """A complete artefact on disk."""

    path: Path
    manifest: dict[str, Any]

    @property
    def id(self) -> str:
        """The content id."""
        return str(self.manifest["id"])

    @property
    def stage(self) -> str:
        """The stage that produced it."""
        return str(self.manifest["stage"])

    @property
    def facts(self) -> dict[str, Any]:
        """The figures that the stage reported; equal for equal artefacts."""
        return dict(self.manifest["facts"])

    @property
    def cost(self) -> dict[str, Any]:
        """The cost of producing it: ``seconds`` [s], ``ended`` [s since 1970], ``peak_memory`` [bytes], and the reserved
        ``cores``; empty if unknown.

        Raises StoreError if the file is damaged.
        """
        path = self.path / COST
        if not path.exists():
            return {}
        cost = _read_object(path, f"remove {path}: only the record of time and memory is lost")
        if not all(type(value) in (int, float) for value in cost.values()):
            raise StoreError(
                f"{path} holds something other than numbers; remove it: only the record of time and memory is lost"
            )
        return cost

    def table(self, name: str) -> Path:
        """Return the folder of a table.

        Raises StoreError if the artefact has no such table.
        """
        folder = self.path / name
        if not folder.is_dir():
            raise StoreError(f"{self.path} has no table {name!r}; its tables: {', '.join(self.tables())}")
        return folder

    def tables(self) -> list[str]:
        """Return the names of the tables."""
        return sorted({path.parent.name for path in self.path.glob("*/*.parquet")})

    @overload
    def rows(self, name: str, columns: Sequence[str] | None = None) -> Iterator[shards.Row]: ...
    @overload
    def rows(self, name: str, columns: Sequence[str] | None, of: type[shards.RowType]) -> Iterator[shards.RowType]: ...
    def rows(self, name: str, columns: Sequence[str] | None = None, of: Any = shards.Row) -> Iterator[Any]:
        """Yield a table's rows in order, typed as ``of`` (a row type in ``core.documents``), one batch in memory at a time."""
        yield from shards.read_rows(self.table(name), columns, of)

    def damage(self) -> str | None:
        """Return what contradicts the manifest (a missing file, a wrong size), or None for an intact artefact."""
        for name, facts in self.manifest["files"].items():
            path = self.path / name
            if not path.exists():
                return f"{path} is missing"
            if path.stat().st_size != facts["bytes"]:
                return f"{path} has {path.stat().st_size} bytes, but its manifest lists {facts['bytes']}"
        return None


def open_artifact(path: Path) -> Artifact:
    """Open a complete artefact, given its folder or a link to it.

    Raises StoreError if the folder does not contain a valid manifest.
    """
    remedy = f"remove {path.resolve()} and run again"
    try:
        manifest = _read_object(path / MANIFEST, remedy)
    except FileNotFoundError:
        raise StoreError(
            f"{path} is not an artefact: it has no {MANIFEST}; name another folder, or remove this one and run again"
        ) from None
    wrong = [key for key, kind in _KEYS.items() if not isinstance(manifest.get(key), kind)]
    if wrong or not all(_is_file_entry(entry) for entry in manifest["files"].values()):
        raise StoreError(
            f"{path / MANIFEST} is not the manifest of an artefact ({', '.join(wrong) or 'files'} missing or wrong); {remedy}"
        )
    return Artifact(path, manifest)


_KEYS: Mapping[str, type] = {
    "id": str,
    "stage": str,
    "version": int,
    "settings": dict,
    "inputs": dict,
    "headline": str,
    "facts": dict,
    "files": dict,
}
"""The keys of every manifest and their types; ``seed`` may be null."""


def _is_file_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("bytes"), int)


def _read_object(path: Path, remedy: str) -> dict[str, Any]:
    try:
        value = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise StoreError(f"{path} is damaged ({error}); {remedy}") from None
    if not isinstance(value, dict):
        raise StoreError(f"{path} is damaged (it holds a {type(value).__name__}, not an object); {remedy}")
    return value


class Workspace:
    """The partial folder in which a stage writes its artefact.

    Every attempt rewrites tables and files. Work that must survive a crash goes through ``once``: it is written under a
    temporary name and renamed when complete, and a later attempt finds it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.work = path / _WORK
        self.work.mkdir(parents=True, exist_ok=True)
        for leftover in path.iterdir():
            if leftover != self.work:
                _remove(leftover)

    @property
    def spent(self) -> float:
        """The recorded time of earlier, interrupted attempts [s]."""
        try:
            return float(orjson.loads((self.work / _SPENT).read_bytes()))
        except (OSError, ValueError, TypeError):
            return 0.0

    def spend(self, seconds: float) -> None:
        """Add the time of an interrupted attempt; a write error is ignored."""
        with contextlib.suppress(OSError):
            write_atomically(self.work / _SPENT, to_json(self.spent + seconds))

    def table(self, name: str, schema: pa.Schema) -> shards.TableWriter:
        """Return a writer for a table of this artefact."""
        return shards.TableWriter(self.path / name, schema)

    def once(self, name: str, make: Callable[[Path], None]) -> Path:
        """Return the folder of unit ``name``; ``make(folder)`` fills it unless an earlier attempt already has."""
        return make_once(self.work / name, make)


def make_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """Fill ``folder`` with ``make`` exactly once; it has a temporary name until it is complete."""
    if folder.exists():
        return folder
    temporary = folder.with_name(folder.name + ".tmp")
    _remove(temporary)
    temporary.mkdir(parents=True)
    make(temporary)
    temporary.replace(folder)
    return folder


class Store:
    """The folder of all artefacts, shared by all runs next to it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, stage: str, identity: str) -> Path:
        """Return the path of an artefact, which need not exist."""
        return self.root / f"{stage}-{identity}"

    def find(self, stage: str, identity: str, volatile: Sequence[str] = ()) -> Artifact | None:
        """Return the complete artefact, or None. Raises StoreError if it contradicts its manifest.

        ``volatile`` names files outside the manifest; if one is missing, the artefact is treated as missing.
        """
        path = self.path(stage, identity)
        if not path.exists():
            return None
        artifact = open_artifact(path)
        if (damage := artifact.damage()) is not None:
            raise StoreError(f"{damage}; remove {path} and run again to rebuild it")
        if not all((path / name).exists() for name in volatile):
            return None
        # A run that was killed right after publishing leaves its work behind.
        shutil.rmtree(path / _WORK, ignore_errors=True)
        return artifact

    def _partial(self, stage: str, identity: str) -> Path:
        return self.root / _PARTIAL / f"{stage}-{identity}"

    def has_partial(self, stage: str, identity: str) -> bool:
        """Return whether the store holds an interrupted attempt."""
        return self._partial(stage, identity).exists()

    def work(self, stage: str, identity: str) -> Path:
        """Return the folder of an interrupted attempt's reusable work; it need not exist."""
        return self._partial(stage, identity) / _WORK

    def is_in_use(self, stage: str, identity: str) -> bool:
        """Return whether a process is producing the artefact right now."""
        return _is_held(self._partial(stage, identity).with_suffix(_LOCK))

    @contextlib.contextmanager
    def workspace(self, stage: str, identity: str) -> Iterator[Workspace]:
        """Open the partial folder of an artefact exclusively. Raises StoreError if another process holds it."""
        partial = self._partial(stage, identity)
        try:
            partial.parent.mkdir(parents=True, exist_ok=True)
            with _lock(partial.with_suffix(_LOCK)), out_of_space(partial):
                yield Workspace(partial)
        except PermissionError as error:
            raise StoreError(f"cannot write into {self.root}: {error}; choose another folder with --runs") from None

    def publish(
        self, workspace: Workspace, manifest: dict[str, Any], volatile: Sequence[str], cost: dict[str, Any]
    ) -> Artifact:
        """Publish a finished workspace: hash its files, write the manifest last, rename it into the store.

        ``volatile`` names files that contain times (a report): they are stored, but are not part of the manifest. The
        work folder is removed last, so that a run killed before the rename can resume from it.
        """
        outside = {*volatile, COST}
        files = {
            path.relative_to(workspace.path).as_posix(): {"bytes": path.stat().st_size, "xxh3_128": file_digest(path)}
            for path in _files(workspace.path)
            if path.relative_to(workspace.path).as_posix() not in outside
        }
        manifest = {**manifest, "files": files}
        write_atomically(workspace.path / COST, to_json(cost))
        _flush_to_disk(workspace.path)
        write_atomically(workspace.path / MANIFEST, to_json(manifest))
        target = self.path(manifest["stage"], manifest["id"])
        if target.exists():
            # The existing artefact lacks a volatile file.
            self.remove(target)
        workspace.path.replace(target)
        flush_folder(target.parent)
        shutil.rmtree(target / _WORK, ignore_errors=True)
        return Artifact(target, manifest)

    def artifacts(self) -> list[Path]:
        """Return the folders of all complete artefacts, sorted."""
        return sorted(path.parent for path in self.root.glob(f"*/{MANIFEST}"))

    def partials(self) -> list[Path]:
        """Return the folders of interrupted attempts that are not in use, sorted."""
        found = sorted(path for path in (self.root / _PARTIAL).glob("*") if path.is_dir() and path.suffix != _REMOVED)
        return [path for path in found if not _is_held(path.with_suffix(_LOCK))]

    def leftovers(self) -> list[Path]:
        """Return leftovers, sorted: half-removed folders, and locks of attempts that no longer exist."""
        folder = self.root / _PARTIAL
        locks = [path for path in folder.glob(f"*{_LOCK}") if not path.with_suffix("").exists() and not _is_held(path)]
        return sorted([*folder.glob(f"*{_REMOVED}"), *locks])

    def remove(self, path: Path) -> None:
        """Remove an artefact, an interrupted attempt or a leftover. Raises StoreError for an attempt in use.

        The folder is renamed first, so that a half-removed one is never mistaken for an artefact or finished work.
        """
        removed = self.root / _PARTIAL / f"{path.name.removesuffix(_REMOVED)}{_REMOVED}"
        removed.parent.mkdir(exist_ok=True)
        if path == removed:
            _remove(path)
        elif path.parent.name == _PARTIAL:
            lock = path.with_suffix(_LOCK)
            with _lock(lock):
                if path != lock:
                    _discard(path, removed)
                lock.unlink()
        else:
            _discard(path, removed)


def file_digest(path: Path) -> str:
    """Return the XXH3-128 hash of a file's content in hex, reading one block at a time."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold an advisory lock; the kernel releases it when the process ends, even if it is killed."""
    while True:
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StoreError(
                    f"another run is working on {path.stem} right now; wait for it, or stop it first"
                ) from None
            # A concurrent clean-up may have unlinked the file, and an unlinked lock excludes no process.
            if os.fstat(file.fileno()).st_nlink:
                yield
                return


def _is_held(path: Path) -> bool:
    """Return whether a process holds the lock."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextlib.contextmanager
def out_of_space(folder: Path) -> Iterator[None]:
    """Turn "no space left" into a StoreError that names the folder and the remedy."""
    try:
        yield
    except OSError as error:
        free = shutil.disk_usage(folder).free / 2**20
        # NumPy reports how many bytes it wrote, without an error code.
        full = error.errno in {errno.ENOSPC, errno.EDQUOT} or (error.errno is None and free < _FULL_MEBIBYTES)
        if not full:
            raise
        raise StoreError(
            f"no space left while writing {folder} ({free:.0f} MiB free); free some space and run again: the run "
            "continues where it stopped"
        ) from error


def _discard(path: Path, removed: Path) -> None:
    _remove(removed)
    path.replace(removed)
    _remove(removed)


def _files(folder: Path) -> list[Path]:
    """Return the files of an unpublished artefact, excluding its work."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and folder / _WORK not in path.parents]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _flush_to_disk(folder: Path) -> None:
    for path in _files(folder):
        with path.open("rb") as file:
            os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Flush a folder's directory entries to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
