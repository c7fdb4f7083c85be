"""The request to ``codeprimer plan``, and its result.

Reads and writes nothing. Key idea: every figure states its basis.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from codeprimer.core.errors import RecipeError, nearest
from codeprimer.model.devices import DEVICES, Device
from codeprimer.run.schedule import State

HERE = "here"
"""The name of this machine."""

Basis = Literal["tried", "computed", "as last time", "not predicted", "up to date"]


@dataclass(frozen=True)
class ForecastRequest:
    """The machine to forecast for, and known facts about it."""

    machine: str = HERE
    tflops: float | None = None
    """Matmul peak to use instead of the measured or datasheet peak [TFLOP/s]."""
    utilization: float | None = None
    """Expected utilization of the matmul peak (0-1)."""
    price: float | None = None
    """Price of this machine, or of each device of the named kind [USD/h]; None: the prices in ``report.cost``."""
    everything: bool = False
    """Whether to include steps that are up to date."""

    def device(self) -> Device | None:
        """Return the device of a named machine; None: this machine. Raises RecipeError if the name is unknown."""
        if self.machine == HERE:
            return None
        if self.machine not in DEVICES:
            raise RecipeError(f"--machine {self.machine}: no such machine; {nearest(self.machine, [HERE, *DEVICES])}")
        return DEVICES[self.machine]


@dataclass(frozen=True)
class Prediction:
    """The forecast of one step."""

    step: str
    state: State
    basis: Basis
    seconds: float | None = None
    """Duration [s]."""
    memory: int | None = None
    """Peak memory [bytes]: of the process on this machine, or of each device on a named machine."""
    disk: int | None = None
    """Disk space of the artefact [bytes]."""
    disk_at_most: int | None = None
    """Peak disk space while the step runs [bytes]."""
    usd: float | None = None
    """Cost [USD]."""
    notes: tuple[str, ...] = ()
    """The basis of the figures, and what they omit."""


@dataclass(frozen=True)
class Forecast:
    """The forecast of a run."""

    machine: str
    steps: tuple[Prediction, ...]
    seconds: float
    """Duration of the predicted steps; parallel steps overlap [s]."""
    usd: float
    """Cost [USD]; on a named machine, cost, energy and CO2 cover only training."""
    kwh: float = 0.0
    co2_grams: float = 0.0
    assumed: str = ""
    """The prices and power figures used."""
    warnings: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """Return the forecast as JSON values."""
        return asdict(self)
