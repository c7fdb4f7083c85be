"""The plan of a training run: which phase a step belongs to, its learning rate, when to keep what.

Reads settings, writes nothing. Its one idea: everything follows from the number of the step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate

from codeprimer.training.order import apportion, step_ranges
from codeprimer.training.settings import Phase, TrainingSettings


@dataclass(frozen=True)
class Place:
    """Where a step stands."""

    number: int
    """The number of the phase."""
    phase: Phase
    step: int
    """Steps done in this phase."""
    steps: int
    """Steps of this phase."""

    @property
    def learning_rate(self) -> float:
        """The step's learning rate: linear warm-up, then what the phase's ``decay`` says."""
        phase, peak = self.phase, self.phase.peak_learning_rate
        warmup = min(phase.warmup_steps, self.steps - 1)
        if self.step < warmup:
            return peak * (self.step + 1) / (warmup + 1)
        if phase.decay == "none":
            return peak
        falling = self.steps - warmup
        if phase.decay == "stable":
            falling = max(1, min(falling, round(phase.decay_fraction * self.steps)))
        left = min(1.0, (self.steps - self.step) / falling)
        if phase.decay == "cosine":
            left = (1.0 - math.cos(math.pi * left)) / 2.0
        return peak * (phase.final_rate + (1.0 - phase.final_rate) * left)


class Plan:
    """The steps of a run, numbered from 0 over all phases."""

    def __init__(self, settings: TrainingSettings) -> None:
        self.settings = settings
        self._steps = [phase.steps(settings.model.context) for phase in settings.phases]
        self.ends = list(accumulate(self._steps))
        """The number of steps done when each phase ends."""
        self.total = self.ends[-1]
        self._drawn_before = self._count_drawn()

    def place(self, step: int) -> Place:
        """Return where step ``step`` stands."""
        number = next(number for number, end in enumerate(self.ends) if step < end)
        steps = self._steps[number]
        return Place(number, self.settings.phases[number], step - (self.ends[number] - steps), steps)

    def sequences(self, step: int, jumped: int = 0) -> dict[str, range]:
        """Return which sequences of each set make up a step; a later phase goes on where an earlier one stopped.

        ``jumped`` steps' data have been left out before.
        """
        place = self.place(step)
        ranges = step_ranges(place.phase.mixture, place.step + jumped, place.phase.batch_sequences)
        before = self._drawn_before[place.number]
        return {
            name: range(numbers.start + before.get(name, 0), numbers.stop + before.get(name, 0))
            for name, numbers in ranges.items()
        }

    def drawn(self) -> dict[str, int]:
        """Return how many sequences each training set gives in the whole run."""
        return dict(sorted(self._drawn_before[-1].items()))

    def selections(self) -> list[int]:
        """Return after how many steps a checkpoint is scored: evenly over the last phase, its end included."""
        steps, wanted = self._steps[-1], self.settings.selections
        begin = self.total - steps
        return sorted({begin + -(-steps * number // wanted) for number in range(1, wanted + 1)})

    def tokens_after(self, step: int) -> int:
        """Return how many tokens have been trained on after ``step`` steps."""
        tokens = 0
        for phase, steps, end in zip(self.settings.phases, self._steps, self.ends, strict=True):
            done = min(steps, max(0, step - (end - steps)))
            tokens += done * phase.batch_sequences * self.settings.model.context
        return tokens

    def _count_drawn(self) -> list[dict[str, int]]:
        """Return how many sequences of each set were drawn before each phase, and at the end."""
        drawn: list[dict[str, int]] = [{}]
        for phase, steps in zip(self.settings.phases, self._steps, strict=True):
            counts = dict(drawn[-1])
            for name, count in apportion(phase.mixture, steps * phase.batch_sequences).items():
                counts[name] = counts.get(name, 0) + count
            drawn.append(counts)
        return drawn
