"""The forecast for steps that train a model.

Reads settings, saved states and previous durations; writes nothing. Key idea: a step takes as long as its phases' remaining
training steps, plus the time that its other work took last time.
"""

from __future__ import annotations

from collections.abc import Sequence

from codeprimer.core.artifact import Artifact, Store
from codeprimer.evaluation.settings import EvaluationSettings
from codeprimer.model.config import PhiConfig
from codeprimer.model.devices import Device
from codeprimer.reporting.wording import duration, size
from codeprimer.run.forecast.phase_cost import PhaseCosts
from codeprimer.run.forecast.prediction import ForecastRequest, Prediction
from codeprimer.run.forecast.recorded import seconds_beside_training
from codeprimer.run.machine import vocabulary_of
from codeprimer.run.recipe import Recipe
from codeprimer.run.schedule import Planned
from codeprimer.training import needs
from codeprimer.training.settings import MOST_SEQUENCES, Phase, TrainingSettings
from codeprimer.training.state import steps_done
from codeprimer.training.trial import device_memory


class TrainingForecaster:
    """Predicts the steps that train a model, ``copies`` of them in parallel."""

    def __init__(
        self, recipe: Recipe, store: Store, request: ForecastRequest, device: Device | None, copies: int
    ) -> None:
        self._store, self._request, self._device, self._copies = store, request, device, copies
        self._vocabulary = vocabulary_of(recipe)
        self._validation = recipe.exam.validation
        self._costs = PhaseCosts(self._vocabulary, request, device, copies)
        self.warnings = self._costs.warnings

    @property
    def has_tried(self) -> bool:
        """Whether any steps were tried."""
        return self._costs.has_tried

    def predict(self, item: Planned, last: Artifact | None) -> Prediction:
        """Return the forecast of a training step; ``last`` is its artefact from the last time.

        Raises CodeprimerError if a trial dies, StoreError if ``last`` is damaged.
        """
        settings = item.step.settings
        assert isinstance(settings, TrainingSettings)
        config = needs.config_of(settings, self._vocabulary)
        steps = [phase.steps(config.context) for phase in settings.phases]
        done = min(sum(steps), self._steps_done(item))
        left = remaining(settings.phases, steps, done)
        costs = {phase.name: self._costs.cost(settings, phase) for phase, _ in left}
        seconds = next(iter(costs.values())).start + sum(costs[phase.name].step * count for phase, count in left)
        memory = max(cost.memory for cost in costs.values()) + self._scoring_memory(item, settings, config)
        notes = [cost.note for cost in costs.values()]
        if done:
            notes.append(f"{done:,} of {sum(steps):,} steps are done and not counted")
        if item.step.stage.runs_programs:
            # It is not known here which checkpoints an interrupted attempt has scored.
            beside = seconds_beside_training(last, settings.selections)
            seconds += beside or 0.0
            took = f"assumed to take {duration(beside)}, as last time" if beside else "not predicted"
            notes.append(f"saving and scoring {settings.selections} checkpoints: {took}")
        self._check_memory(item.step.link, settings, memory)
        self._check_peak(settings)
        disk, most = needs.disk(settings, config)
        return Prediction(
            step=item.step.link,
            state=item.state,
            basis="computed" if any(cost.basis == "computed" for cost in costs.values()) else "tried",
            seconds=seconds,
            memory=memory,
            disk=disk,
            disk_at_most=most,
            notes=tuple(dict.fromkeys(notes)),
        )

    def _steps_done(self, item: Planned) -> int:
        """Return the number of steps that an interrupted attempt has done, if it will resume here."""
        is_begun = self._device is None and item.state in ("interrupted", "running")
        return steps_done(self._store.work(item.step.stage.name, item.id)) if is_begun else 0

    def _scoring_memory(self, item: Planned, settings: TrainingSettings, config: PhiConfig) -> int:
        """Return the memory that scoring checkpoints adds: the key-value cache of the answers [bytes]."""
        # A prompt is assumed to be as long as the longest possible answer.
        answers = needs.answer_bytes(config, self._validation, 2 * EvaluationSettings().new_tokens)
        if self._copies > 1:
            return answers  # one model is scored while the other trains, in the same process
        if not item.step.stage.runs_programs:
            return 0
        on_cpu = self._costs.on_cpu(settings)
        free = min(needs.passing_bytes(settings, phase, config, on_cpu) for phase in settings.phases)
        return max(0, answers - free)

    def _check_memory(self, step: str, settings: TrainingSettings, memory: int) -> None:
        """Warn if the machine's memory is too small."""
        available = self._device.memory if self._device else device_memory(settings.device)
        if available is None:
            self.warnings.append(
                f"{step}: training.device is cuda, but torch finds no CUDA device, so memory is not checked"
            )
        elif memory > available:
            rows = self._rows_that_fit(settings, memory, available)
            remedy = (
                f"training.micro_sequences: {rows} would fit"
                if rows
                else "even a micro-batch of 1 does not fit: use a smaller model, a shorter context or a larger machine"
            )
            self.warnings.append(
                f"{step} needs {size(memory)} of memory, but only {size(available)} is available; {remedy}"
            )

    def _rows_that_fit(self, settings: TrainingSettings, memory: int, available: int) -> int:
        """Return the largest micro-batch with which all phases fit in memory; 0 if there is none."""
        config, on_cpu = needs.config_of(settings, self._vocabulary), self._costs.on_cpu(settings)
        most = MOST_SEQUENCES
        for phase in settings.phases:
            rows = needs.micro_batch(settings, phase)
            model = needs.memory(settings, phase, config, rows, on_cpu).total
            beside = max(0, memory - self._copies * model)
            room = (available - beside) // self._copies
            most = min(most, needs.rows_that_fit(settings, phase, config, room, on_cpu))
        return most

    def _check_peak(self, settings: TrainingSettings) -> None:
        """Warn if the datasheet's peak is for a different precision."""
        if self._device is None or self._request.tflops is not None or settings.precision != "float32":
            return
        warning = (
            f"training.precision: float32: the {self._device.tflops:g} TFLOP/s of the {self._device.label} are for "
            "bfloat16, and float32 is several times slower; give the float32 peak with --tflops"
        )
        if warning not in self.warnings:
            self.warnings.append(warning)


def remaining(phases: Sequence[Phase], steps: Sequence[int], done: int) -> list[tuple[Phase, int]]:
    """Return the unfinished phases with their remaining steps, after ``done`` steps in total.

    If all steps are done, return only the last phase, with 0 steps.
    """
    left = []
    for phase, count in zip(phases, steps, strict=True):
        taken = min(count, done)
        done -= taken
        left.append((phase, count - taken))
    return [(phase, count) for phase, count in left if count] or left[-1:]
