"""The plan of a training run: the phase, the learning rate and the sequences of every step.

Reads settings; writes nothing. Key idea: everything follows from the step number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from codeprimer.core.errors import RecipeError
from codeprimer.training.apportion import apportion, step_ranges
from codeprimer.training.settings import Phase, SequenceOrder, TrainingSettings


@dataclass(frozen=True, order=True)
class DataStream:
    """A training set in one order; its sequences are numbered across all phases that read the set in this order."""

    name: str
    order: SequenceOrder = "shuffled"
    noise: float = 0.0
    """Size of the window within which a curriculum is shuffled, as a fraction of the set."""


def stream_of(phase: Phase, name: str) -> DataStream:
    """Return the stream that a phase reads for a set."""
    if phase.order.get(name, "shuffled") == "shuffled":
        return DataStream(name)
    return DataStream(name, "curriculum", phase.order_noise)


@dataclass(frozen=True)
class StepPosition:
    """The position of a step within its phase."""

    number: int
    """The phase's number."""
    phase: Phase
    step: int
    """Number of steps already done in this phase."""
    steps: int
    """Number of steps in this phase."""

    @property
    def learning_rate(self) -> float:
        """The step's learning rate: linear warm-up, then the phase's ``decay``."""
        phase, peak = self.phase, self.phase.peak_learning_rate
        warmup = min(phase.warmup_steps, self.steps - 1)
        if self.step < warmup:
            return peak * (self.step + 1) / (warmup + 1)
        if phase.decay == "none":
            return peak
        decaying = self.steps - warmup
        if phase.decay == "stable":
            decaying = max(1, min(decaying, round(phase.decay_fraction * self.steps)))
        left = min(1.0, (self.steps - self.step) / decaying)
        if phase.decay == "cosine":
            left = (1.0 - math.cos(math.pi * left)) / 2.0
        return peak * (phase.min_lr_ratio + (1.0 - phase.min_lr_ratio) * left)


class Plan:
    """The steps of a run, numbered from 0 across all phases."""

    def __init__(self, settings: TrainingSettings) -> None:
        """Raises RecipeError if a phase keeps an optimizer state that does not exist."""
        self.settings = settings
        _check_kept(settings.phases)
        self._steps = [phase.steps(settings.model.context) for phase in settings.phases]
        self.ends = list(accumulate(self._steps))
        """The number of steps done when each phase ends."""
        self.total = self.ends[-1]
        self._drawn_before = self._count_drawn()

    def position(self, step: int) -> StepPosition:
        """Return the position of step ``step`` within its phase."""
        number = next(number for number, end in enumerate(self.ends) if step < end)
        steps = self._steps[number]
        return StepPosition(number, self.settings.phases[number], step - (self.ends[number] - steps), steps)

    def sequences(self, step: int, jumped: int = 0) -> dict[str, range]:
        """Return the sequences of each set that make up a step, numbered within the phase's stream.

        A phase continues a stream where the previous phase that read it stopped. ``jumped`` is the number of steps whose data
        have been left out.
        """
        position = self.position(step)
        phase = position.phase
        ranges = step_ranges(phase.mixture, position.step + jumped, phase.batch_sequences)
        before = self._drawn_before[position.number]
        found = {}
        for name, numbers in ranges.items():
            first = before.get(stream_of(phase, name), 0)
            found[name] = range(numbers.start + first, numbers.stop + first)
        return found

    def drawn(self) -> dict[str, int]:
        """Return the number of sequences drawn from each training set in the whole run."""
        drawn: dict[str, int] = {}
        for stream, count in self.streams().items():
            drawn[stream.name] = drawn.get(stream.name, 0) + count
        return drawn

    def streams(self) -> dict[DataStream, int]:
        """Return the number of sequences drawn from each stream in the whole run."""
        return dict(sorted(self._drawn_before[-1].items()))

    def selections(self) -> list[int]:
        """Return the steps after which a checkpoint is scored: evenly spaced over the last phase, including its end."""
        steps, wanted = self._steps[-1], self.settings.selections
        begin = self.total - steps
        return sorted({begin + -(-steps * number // wanted) for number in range(1, wanted + 1)})

    def tokens_after(self, step: int) -> int:
        """Return the number of training tokens in the first ``step`` steps."""
        tokens = 0
        for phase, steps, end in zip(self.settings.phases, self._steps, self.ends, strict=True):
            done = min(steps, max(0, step - (end - steps)))
            tokens += done * phase.batch_sequences * self.settings.model.context
        return tokens

    def _count_drawn(self) -> list[dict[DataStream, int]]:
        """Return the number of sequences drawn from each stream before each phase, and by the end of the run."""
        drawn: list[dict[DataStream, int]] = [{}]
        for phase, steps in zip(self.settings.phases, self._steps, strict=True):
            counts = dict(drawn[-1])
            for name, count in apportion(phase.mixture, steps * phase.batch_sequences).items():
                stream = stream_of(phase, name)
                counts[stream] = counts.get(stream, 0) + count
            drawn.append(counts)
        return drawn


def _check_kept(phases: Sequence[Phase]) -> None:
    if phases[0].keeps_optimizer:
        raise RecipeError(
            f"the phase {phases[0].name!r} is the first one and has no optimizer state to keep; remove keeps_optimizer"
        )
    for before, phase in pairwise(phases):
        if phase.keeps_optimizer and phase.optimizer != before.optimizer:
            raise RecipeError(
                f"the phase {phase.name!r} ({phase.optimizer}) cannot keep the optimizer state of {before.name!r} "
                f"({before.optimizer}); use the same optimizer, or remove keeps_optimizer"
            )
