"""Saved states of a run in progress: what is needed to end in the same bytes after a kill.

Reads and writes ``states/<step>/`` (safetensors and JSON). Two ideas: a state is written under another name and renamed when
it is complete and sealed by a digest, so the newest one that is there is whole, and one that is not is passed over; and it is
written from a copy by a thread, while training goes on.
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
"""The folder in a run's work that holds them."""

KEPT = 2
"""Saved states that are kept; the older one is for when the newer cannot be read."""

_NAME = re.compile("[0-9]{8,}", re.ASCII)
_TENSORS = "tensors.safetensors"
_POSITION = "position.json"


@dataclass(frozen=True)
class Position:
    """Where a run stands."""

    step: int
    """Steps done over all phases."""
    metrics_bytes: int
    """The length of ``metrics.jsonl`` at that moment."""
    metrics_digest: str
    """The XXH3-128 of ``metrics.jsonl`` up to there."""
    seconds: float
    """Time spent training so far [s]; told, but never published among the results."""
    micro_sequences: int = 0
    """Sequences that were computed at a time."""
    guard: dict[str, Any] = field(default_factory=dict)
    """What the norms of gradients have said so far."""
    scale: dict[str, Any] = field(default_factory=dict)
    """What keeps small gradients from vanishing."""


Check = Callable[[Position, dict[str, Tensor]], object]
"""Raises ValueError, KeyError or TypeError where a state that can be read is not one of the run."""


class States:
    """The states of one run; ``warn`` is told of what cannot be written or read."""

    def __init__(self, folder: Path, warn: Callable[[str], None]) -> None:
        self._folder = folder
        self._warn = warn
        self._writing: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._told = ""
        """Why the last state could not be written, if so; a full disk is told once, not with every state."""

    def save(self, position: Position, tensors: Iterable[tuple[str, Tensor]]) -> None:
        """Have a state written, and all but the newest ones removed; what is given may change at once."""
        self.wait()
        copied = {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors}
        self._writing = threading.Thread(target=self._write, args=(position, copied), name="states")
        self._writing.start()

    def wait(self) -> None:
        """Return when what was to be saved is saved, or has failed with a warning.

        Raises what was not foreseen.
        """
        if self._writing is None:
            return
        self._writing.join()
        self._writing = None
        failure, self._failure = self._failure, None
        if isinstance(failure, OSError):
            reason = failure.strerror or str(failure)
            if reason == self._told:
                return
            self._told = reason
            kept = self._names()
            left = f"the state of step {int(kept[-1].name)} is kept" if kept else "there is none to go on from"
            self._warn(f"{self._folder}: a state could not be written ({reason}); {left}, and training goes on")
        elif failure is not None:
            raise failure
        else:
            self._told = ""

    def load(self, check: Check | None = None) -> tuple[Position, dict[str, Tensor]] | None:
        """Return the newest state that can be read and passes ``check``, or None where there is none."""
        self.wait()
        for folder in reversed(self._names()):
            try:
                state = self.read(int(folder.name))
                if check is not None:
                    check(*state)
                return state
            except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
                reason = " ".join(str(error).split())[:200]
                self._warn(f"{folder} cannot be read ({reason}); the state before it is taken")
                shutil.rmtree(folder, ignore_errors=True)
        return None

    def read(self, step: int) -> tuple[Position, dict[str, Tensor]]:
        """Return the state of a step.

        Raises OSError, SafetensorError, ValueError, KeyError or TypeError where it is damaged.
        """
        folder = self._folder / f"{step:08d}"
        sealed = orjson.loads((folder / _POSITION).read_bytes())
        facts, digest = sealed["position"], sealed["tensors"]
        if sealed["seal"] != _seal(facts, digest) or set(sealed) != {"position", "tensors", "seal"}:
            raise ValueError(f"{_POSITION} is not as it was saved")
        if file_digest(folder / _TENSORS) != digest:
            raise ValueError(f"{_TENSORS} is not as it was saved")
        position = Position(**facts)
        if position.step != step:
            raise ValueError(f"{_POSITION} is of step {position.step!r}")
        return position, load_file(folder / _TENSORS)

    def _write(self, position: Position, tensors: dict[str, Tensor]) -> None:
        def make(state: Path) -> None:
            save_tensors(state / _TENSORS, tensors)
            facts, digest = asdict(position), file_digest(state / _TENSORS)
            sealed = {"position": facts, "tensors": digest, "seal": _seal(facts, digest)}
            write_atomically(state / _POSITION, to_json(sealed))

        folder = self._folder / f"{position.step:08d}"
        try:
            if folder.exists():  # made again, after going back
                shutil.rmtree(folder)
            make_once(folder, make)
            flush_folder(self._folder)
            for old in self._names()[:-KEPT]:
                shutil.rmtree(old)
        except BaseException as failure:  # whoever waits next is told
            shutil.rmtree(folder.with_name(folder.name + ".tmp"), ignore_errors=True)
            self._failure = failure

    def _names(self) -> list[Path]:
        return _states_in(self._folder)


def steps_done(work: Path) -> int:
    """Return how many steps the newest state in a run's work has behind it; 0 where there is none."""
    states = _states_in(work / STATES)
    return max((int(state.name) for state in states if (state / _POSITION).is_file()), default=0)


def _states_in(folder: Path) -> list[Path]:
    """Return the folders that are called as states are; whatever else lies there is nobody's."""
    return sorted(path for path in folder.glob("[0-9]*") if _NAME.fullmatch(path.name) and _is_folder(path))


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _seal(facts: object, digest: object) -> str:
    """Return what stands at the end of a position, and of no other."""
    return xxhash.xxh3_128_hexdigest(to_json([facts, digest]))
