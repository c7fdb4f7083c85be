"""Metrics loggers: TensorBoard, and Weights & Biases.

Reads each step's metrics; writes to the run's folder (``logs/<step>-<id>``), never to an artefact. Key ideas: logging must not
change or end training, so a logger that fails is dropped with a warning; a resumed run continues the series of the previous
attempt, so no step appears twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from codeprimer.core.extras import require

EXTRAS = {"tensorboard": "loggers", "wandb": "wandb"}
"""The extra that installs each logger's package; logger and package have the same name."""

PROJECT = "codeprimer"
"""The name of the Weights & Biases project, unless WANDB_PROJECT is set."""

FLUSH_SECONDS = 30

Values = Mapping[str, float]


class Logger(Protocol):
    """A destination for metrics."""

    def write(self, step: int, values: Values) -> None:
        """Log the values of a step."""

    def close(self) -> None:
        """Flush everything to disk."""


def require_loggers(names: Sequence[str]) -> None:
    """Raise MissingExtraError for the first logger whose package is not installed."""
    for name in names:
        require(name, EXTRAS[name], f"training.loggers: {name}")


class Loggers:
    """The loggers of one run; a context manager that closes them."""

    def __init__(self, names: Sequence[str], folder: Path, first_step: int, warn: Callable[[str], None]) -> None:
        """Open the loggers in a folder; values that an earlier attempt logged from ``first_step`` on are discarded."""
        self._warn = warn
        self._open: dict[str, Logger] = {}
        for name in names:
            self._guarded(name, partial(self._begin, name, folder, first_step))

    def write(self, facts: Mapping[str, Any], speed: float | None, utilization: float | None) -> None:
        """Log a step: its metrics, the throughput [tokens/s] and the utilization of the measured matmul peak."""
        values = {name: float(facts[name]) for name in ("loss", "lr", "grad_norm", "tokens")}
        values |= {} if speed is None else {"tokens_per_second": speed}
        values |= {} if utilization is None else {"utilization": utilization}
        for name, logger in list(self._open.items()):
            self._guarded(name, partial(logger.write, facts["step"], values))

    def __enter__(self) -> Loggers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name, logger in list(self._open.items()):
            self._guarded(name, logger.close)

    def _begin(self, name: str, folder: Path, first_step: int) -> None:
        self._open[name] = _MAKERS[name](folder, first_step)

    def _guarded(self, name: str, action: Callable[[], object]) -> None:
        """Call a logger; after a failure, warn once and drop it."""
        try:
            action()
        except Exception as error:  # a logger's failure must not end training
            self._open.pop(name, None)
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            self._warn(f"training.loggers: {name} failed and is disabled ({reason}); training continues")


class _TensorBoard:
    def __init__(self, folder: Path, first_step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        folder.mkdir(parents=True, exist_ok=True)
        again = first_step if any(folder.glob("events.*")) else None
        self._writer: Any = SummaryWriter(str(folder), purge_step=again, flush_secs=FLUSH_SECONDS)

    def write(self, step: int, values: Values) -> None:
        for name, value in values.items():
            self._writer.add_scalar(f"train/{name}", value, step)

    def close(self) -> None:
        self._writer.close()


class _WeightsAndBiases:
    def __init__(self, folder: Path, first_step: int) -> None:
        import os

        import wandb

        del first_step  # Weights & Biases ignores steps that it already has
        folder.mkdir(parents=True, exist_ok=True)
        self._run: Any = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=f"{folder.parent.parent.name}-{folder.name}",
            id=folder.name,
            resume="allow",
            dir=str(folder),
            reinit="create_new",  # models may train in parallel
            settings=wandb.Settings(silent=True, console="off"),
        )

    def write(self, step: int, values: Values) -> None:
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        self._run.finish()


_MAKERS: dict[str, Callable[[Path, int], Logger]] = {"tensorboard": _TensorBoard, "wandb": _WeightsAndBiases}
