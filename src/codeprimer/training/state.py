"""Saved states of a run in progress: what is needed to end in the same bytes after a kill.

Reads and writes ``states/<step>/`` (safetensors and JSON). Its one idea: a state is written under another name and
renamed when it is complete, so the newest one that is there is whole.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from safetensors.torch import load_file
from torch import Tensor

from codeprimer.core.artifact import make_once, to_json, write_atomically
from codeprimer.model.checkpoint import save_tensors

KEPT = 2
"""Saved states that are kept; the older one is for people who look for what went wrong."""

_TENSORS = "tensors.safetensors"
_POSITION = "position.json"


@dataclass(frozen=True)
class Position:
    """Where a run stands."""

    step: int
    """Steps done over all phases."""
    metrics_bytes: int
    """The length of ``metrics.jsonl`` at that moment."""
    seconds: float
    """Time spent training so far [s]; told, but never published among the results."""


def save_state(folder: Path, position: Position, tensors: dict[str, Tensor]) -> None:
    """Save a state and remove all but the newest ones."""

    def make(state: Path) -> None:
        save_tensors(state / _TENSORS, tensors)
        write_atomically(state / _POSITION, to_json(asdict(position)))

    make_once(folder / f"{position.step:08d}", make)
    for old in _states(folder)[:-KEPT]:
        shutil.rmtree(old)


def load_state(folder: Path) -> tuple[Position, dict[str, Tensor]] | None:
    """Return the newest state, or None where there is none."""
    states = _states(folder)
    if not states:
        return None
    position = Position(**orjson.loads((states[-1] / _POSITION).read_bytes()))
    return position, load_file(states[-1] / _TENSORS)


def _states(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.name.isdigit())
