"""The forecast of steps that do not train a model: they are assumed to take as long as last time.

Reads artefacts; writes nothing. Key idea: a step that has never run is not predicted.
"""

from __future__ import annotations

from pathlib import Path

import orjson

from codeprimer.core.artifact import Artifact
from codeprimer.core.errors import StoreError
from codeprimer.run.forecast.prediction import Prediction
from codeprimer.run.schedule import Planned


def as_last_time(item: Planned, last: Artifact | None) -> Prediction:
    """Return the time, memory and disk space that a step took when this run last executed it."""
    if last is None or "seconds" not in last.cost:
        return Prediction(item.step.link, item.state, "not predicted")
    size = _size_of(last.path)
    return Prediction(
        step=item.step.link,
        state=item.state,
        basis="as last time",
        seconds=float(last.cost["seconds"]),
        memory=int(last.cost["peak_memory"]),
        disk=size,
        disk_at_most=size,
        notes=("assumed: steps that do not train a model take as long as last time, on whatever machine that was",),
    )


def seconds_beside_training(last: Artifact | None, selections: int) -> float | None:
    """Return the time that a model's run step last spent outside the training loop [s].

    None if it has never run, or if it scored a different number of checkpoints. Raises StoreError if ``speed.json`` is damaged.
    """
    if last is None or last.manifest["settings"].get("selections") != selections:
        return None
    path = last.path / "speed.json"
    if "seconds" not in last.cost or not path.exists():
        return None
    try:
        return max(0.0, float(last.cost["seconds"]) - float(orjson.loads(path.read_bytes())["seconds"]))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise StoreError(f"{path} is damaged; remove {path.parent} and run again to rebuild it") from None


def _size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
