"""The cost of a training phase, measured on this machine or computed.

Reads settings and runs trials in separate processes; writes nothing. Key idea: phases that cost the same are tried only once.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from codeprimer.model.arithmetic import flop_per_token
from codeprimer.model.devices import Device
from codeprimer.reporting.wording import percent
from codeprimer.run.forecast.prediction import Basis, ForecastRequest
from codeprimer.training import needs, trial
from codeprimer.training.settings import Phase, TrainingSettings
from codeprimer.training.trial import Trial

PROCESS_BYTES = 450 * 2**20
"""Memory of a process that has imported torch but has no model yet; assumed if no step is tried [bytes]."""

PROGRAM_BYTES = 64 * 2**20
"""Assumed memory of the other parts of the program and of open training sets, which a trial does not have [bytes]."""

QUIET = 0.75
"""A trial that received a smaller fraction of its cores' time ran on a busy machine."""

LAUNCH_SECONDS = 0.5e-3
"""Minimum time per layer and pass on a GPU, for launching the kernels [s]."""


@dataclass(frozen=True)
class PhaseCost:
    """The cost of a phase."""

    start: float
    """The time before the first step [s]."""
    step: float
    """The time of a step [s]."""
    memory: int
    """Peak memory [bytes]."""
    basis: Basis
    note: str
    """The basis of these figures, human-readable."""


class PhaseCosts:
    """The costs of phases on one machine, on which ``copies`` models train in parallel."""

    def __init__(self, vocabulary: int, request: ForecastRequest, device: Device | None, copies: int) -> None:
        self.warnings: list[str] = []
        self._vocabulary, self._request, self._device, self._copies = vocabulary, request, device, copies
        self._tried: dict[bytes, Trial] = {}

    @property
    def has_tried(self) -> bool:
        """Whether any steps were tried."""
        return any(tried.step_seconds is not None for tried in self._tried.values())

    def on_cpu(self, settings: TrainingSettings) -> bool:
        """Return whether the model trains on a CPU."""
        return self._device is None and settings.device == "cpu"

    def cost(self, settings: TrainingSettings, phase: Phase) -> PhaseCost:
        """Return the cost of a phase. Raises CodeprimerError if a trial dies."""
        if self._request.tflops is not None:
            return self._computed(settings, phase, self._request.tflops * 1e12)
        if self._device is not None:
            return self._computed(settings, phase, self._device.tflops * 1e12)
        tried = self._trial(settings, phase)
        peak = tried.matmul_peak * settings.processes
        if tried.step_seconds is None:
            return self._computed(settings, phase, peak)
        config = needs.config_of(settings, self._vocabulary)
        speed = phase.batch_sequences * config.context / tried.step_seconds
        utilization = speed * flop_per_token(config, settings.lora.rank > 0) / peak
        note = (
            f"measured: {tried.steps} steps of {tried.rows} sequences"
            + (f", {self._copies} models in parallel" if self._copies > 1 else "")
            + f": {speed:,.0f} tokens/s each, {percent(utilization)} of the measured matmul peak ({peak / 1e9:,.0f} GFLOP/s in "
            f"{settings.precision} with threads: {settings.threads})"
        )
        if tried.rows < settings.rows_of_process(phase):
            note += f"; extrapolated linearly to {phase.batch_sequences} sequences"
        memory = self._tried_memory(settings, phase, tried)
        return PhaseCost(tried.start_seconds, tried.step_seconds, memory, "tried", note)

    def _tried_memory(self, settings: TrainingSettings, phase: Phase, tried: Trial) -> int:
        """Return the peak memory of the trial plus what a whole run needs in addition [bytes]."""
        config, on_cpu = needs.config_of(settings, self._vocabulary), self.on_cpu(settings)
        rows = needs.micro_batch(settings, phase)
        of_trial, of_run = (
            needs.memory(settings, phase, config, count, on_cpu) for count in (min(tried.rows, rows), rows)
        )
        steps = sum(phase.steps(config.context) for phase in settings.phases)
        saved_copy = of_trial.saved_copy if steps > settings.checkpoint_every else 0
        more = of_run.total - of_trial.total + saved_copy
        return tried.peak + PROGRAM_BYTES * on_cpu + self._copies * more

    def _trial(self, settings: TrainingSettings, phase: Phase) -> Trial:
        # A phase's other settings do not affect the cost of a step.
        alike = Phase(
            name="trial",
            mixture={"trial": 1.0},
            tokens=1,
            batch_sequences=phase.batch_sequences,
            optimizer=phase.optimizer,
        )
        key = orjson.dumps([settings.model_dump(exclude={"phases", "selections"}), alike.model_dump()])
        if key not in self._tried:
            tried = self._tried[key] = trial.try_out(settings, alike, self._vocabulary, self._copies)
            if tried.cores < QUIET:
                self.warnings.append(
                    f"while steps were tried, other programs took {percent(1.0 - tried.cores)} of the cores' time; the "
                    "forecast holds for a machine that is equally busy"
                )
        return self._tried[key]

    def _computed(self, settings: TrainingSettings, phase: Phase, peak: float) -> PhaseCost:
        """Return the cost that follows from the shapes and a matmul peak [FLOP/s]."""
        device, config = self._device, needs.config_of(settings, self._vocabulary)
        utilization = self._request.utilization or (device.utilization if device else trial.EXPECTED_UTILIZATION)
        rows = needs.micro_batch(settings, phase)
        devices = settings.processes if device else 1
        step = needs.step_flop(settings, phase, config) / (peak * utilization * devices)
        if device is not None:
            passes = -(-phase.batch_sequences // (rows * settings.processes))
            step = max(step, passes * config.layers * LAUNCH_SECONDS)
        on_cpu = self.on_cpu(settings)
        memory = needs.memory(settings, phase, config, rows, on_cpu).total
        machine = f"{devices} x {device.label}, {peak / 1e12:,.0f}" if device else f"this machine, {peak / 1e12:,.2f}"
        flop = flop_per_token(config, settings.lora.rank > 0)
        note = (
            f"computed from shapes: {needs.parameter_count(config):,} parameters, {phase.tokens:,} tokens, "
            f"{flop / 1e9:,.3f} GFLOP per token; assumed: {machine} TFLOP/s, utilization {percent(utilization)}"
        )
        return PhaseCost(0.0, step, memory + PROCESS_BYTES * on_cpu, "computed", note)
