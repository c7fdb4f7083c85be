"""Saved states of a run in progress; a killed run resumes from them and produces the same bytes.

Reads and writes ``states/<step>/`` (safetensors and JSON). Key ideas: a state is written under a temporary name, sealed with
digests and renamed when complete, so the newest state is valid, and a damaged state is skipped; a thread writes the state from
a copy while training continues.
"""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson
import xxhash
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from codeprimer.core.artifact import file_digest, flush_folder, make_once, to_json, write_atomically
from codeprimer.model.checkpoint import save_tensors

STATES = "states"
"""The states' folder within a run's work folder."""

KEPT = 2
"""Number of saved states to keep; the older one is a fallback if the newer is damaged."""

_NAME = re.compile("[0-9]{8,}", re.ASCII)
_TENSORS = "tensors.safetensors"
_POSITION = "position.json"


@dataclass(frozen=True)
class Progress:
    """The progress of a run."""

    step: int
    """Number of steps done across all phases."""
    metrics_bytes: int
    """The size of ``metrics.jsonl`` after this step [bytes]."""
    metrics_digest: str
    """The XXH3-128 digest of these bytes."""
    seconds: float
    """Time spent training so far [s]."""
    micro_sequences: int = 0
    """Sequences per micro-batch."""
    guard: dict[str, Any] = field(default_factory=dict)
    """The guard's history."""
    scale: dict[str, Any] = field(default_factory=dict)
    """The loss scale."""


Check = Callable[[Progress, dict[str, Tensor]], object]
"""Raises ValueError, KeyError or TypeError if a readable state does not belong to the run."""


class States:
    """The saved states of one run; ``warn`` is called if a state cannot be written or read."""

    def __init__(self, folder: Path, warn: Callable[[str], None]) -> None:
        self._folder = folder
        self._warn = warn
        self._writing: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._warned = ""
        """The reason why the last state could not be written; a full disk is reported once, not for every state."""

    def save(self, progress: Progress, tensors: Iterable[tuple[str, Tensor]]) -> None:
        """Write a state in the background and remove all but the newest states; the tensors are copied first."""
        self.wait()
        copied = {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors}
        self._writing = threading.Thread(target=self._write, args=(progress, copied), name="states")
        self._writing.start()

    def wait(self) -> None:
        """Wait for the pending write; warn if it failed with an OSError, and re-raise any other error."""
        if self._writing is None:
            return
        self._writing.join()
        self._writing = None
        failure, self._failure = self._failure, None
        if isinstance(failure, OSError):
            reason = failure.strerror or str(failure)
            if reason == self._warned:
                return
            self._warned = reason
            kept = self._names()
            left = f"the state of step {int(kept[-1].name)} is kept" if kept else "there is no earlier one"
            self._warn(f"{self._folder}: cannot write a state ({reason}); {left}; training continues")
        elif failure is not None:
            raise failure
        else:
            self._warned = ""

    def load(self, check: Check | None = None) -> tuple[Progress, dict[str, Tensor]] | None:
        """Return the newest readable state that passes ``check``; None if there is none."""
        self.wait()
        for folder in reversed(self._names()):
            try:
                state = self.read(int(folder.name))
                if check is not None:
                    check(*state)
                return state
            except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
                reason = " ".join(str(error).split())[:200]
                self._warn(f"{folder} cannot be used ({reason}); falling back to the previous state")
                shutil.rmtree(folder, ignore_errors=True)
        return None

    def read(self, step: int) -> tuple[Progress, dict[str, Tensor]]:
        """Return the state of a step.

        Raises OSError, SafetensorError, ValueError, KeyError or TypeError if it is damaged.
        """
        folder = self._folder / f"{step:08d}"
        sealed = orjson.loads((folder / _POSITION).read_bytes())
        facts, digest = sealed["position"], sealed["tensors"]
        if sealed["seal"] != _seal(facts, digest) or set(sealed) != {"position", "tensors", "seal"}:
            raise ValueError(f"{_POSITION} has been changed since it was saved")
        if file_digest(folder / _TENSORS) != digest:
            raise ValueError(f"{_TENSORS} has been changed since it was saved")
        progress = Progress(**facts)
        if progress.step != step:
            raise ValueError(f"{_POSITION} belongs to step {progress.step!r}")
        return progress, load_file(folder / _TENSORS)

    def _write(self, progress: Progress, tensors: dict[str, Tensor]) -> None:
        def make(state: Path) -> None:
            save_tensors(state / _TENSORS, tensors)
            facts, digest = asdict(progress), file_digest(state / _TENSORS)
            sealed = {"position": facts, "tensors": digest, "seal": _seal(facts, digest)}
            write_atomically(state / _POSITION, to_json(sealed))

        folder = self._folder / f"{progress.step:08d}"
        try:
            if folder.exists():  # written before a rollback
                shutil.rmtree(folder)
            make_once(folder, make)
            flush_folder(self._folder)
            for old in self._names()[:-KEPT]:
                shutil.rmtree(old)
        except BaseException as failure:  # re-raised by the next wait()
            shutil.rmtree(folder.with_name(folder.name + ".tmp"), ignore_errors=True)
            self._failure = failure

    def _names(self) -> list[Path]:
        return _states_in(self._folder)


def steps_done(work: Path) -> int:
    """Return the step of the newest state in a work folder; 0 if there is none."""
    states = _states_in(work / STATES)
    return max((int(state.name) for state in states if (state / _POSITION).is_file()), default=0)


def _states_in(folder: Path) -> list[Path]:
    """Return the folders whose names are step numbers, in step order."""
    return sorted(path for path in folder.glob("[0-9]*") if _NAME.fullmatch(path.name) and _is_folder(path))


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _seal(facts: object, digest: object) -> str:
    """Return the digest that seals a state."""
    return xxhash.xxh3_128_hexdigest(to_json([facts, digest]))
