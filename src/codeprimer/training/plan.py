"""The plan of a training run: which phase a step belongs to, its learning rate, when to keep what.

Reads settings, writes nothing. Its one idea: everything follows from the number of the step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from codeprimer.core.errors import RecipeError
from codeprimer.training.order import apportion, step_ranges
from codeprimer.training.settings import Order, Phase, TrainingSettings


@dataclass(frozen=True, order=True)
class Course:
    """A training set in one order. Its sequences are numbered through all phases that take the set in this order."""

    name: str
    order: Order = "shuffled"
    noise: float = 0.0
    """Within this share of the set neighbours are shuffled."""


def course_of(phase: Phase, name: str) -> Course:
    """Return how a phase goes through a set."""
    if phase.order.get(name, "shuffled") == "shuffled":
        return Course(name)
    return Course(name, "curriculum", phase.order_noise)


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
        """Raises RecipeError where a phase would keep an optimiser that there is not."""
        self.settings = settings
        _check_kept(settings.phases)
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
        """Return which sequences of each set make up a step, numbered in the phase's course through it.

        A later phase goes on where an earlier one on the same course stopped. ``jumped`` steps' data have been left out
        before.
        """
        place = self.place(step)
        ranges = step_ranges(place.phase.mixture, place.step + jumped, place.phase.batch_sequences)
        before = self._drawn_before[place.number]
        found = {}
        for name, numbers in ranges.items():
            first = before.get(course_of(place.phase, name), 0)
            found[name] = range(numbers.start + first, numbers.stop + first)
        return found

    def drawn(self) -> dict[str, int]:
        """Return how many sequences each training set gives in the whole run."""
        drawn: dict[str, int] = {}
        for course, count in self.courses().items():
            drawn[course.name] = drawn.get(course.name, 0) + count
        return drawn

    def courses(self) -> dict[Course, int]:
        """Return how many sequences each course gives in the whole run."""
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

    def _count_drawn(self) -> list[dict[Course, int]]:
        """Return how many sequences of each course were drawn before each phase, and at the end."""
        drawn: list[dict[Course, int]] = [{}]
        for phase, steps in zip(self.settings.phases, self._steps, strict=True):
            counts = dict(drawn[-1])
            for name, count in apportion(phase.mixture, steps * phase.batch_sequences).items():
                course = course_of(phase, name)
                counts[course] = counts.get(course, 0) + count
            drawn.append(counts)
        return drawn


def _check_kept(phases: Sequence[Phase]) -> None:
    if phases[0].keeps_optimiser:
        raise RecipeError(
            f"the phase {phases[0].name!r} is the first and cannot keep an optimiser; take keeps_optimiser out"
        )
    for before, phase in pairwise(phases):
        if phase.keeps_optimiser and phase.optimiser != before.optimiser:
            raise RecipeError(
                f"the phase {phase.name!r} has {phase.optimiser} and cannot keep the averages of {before.optimiser} in "
                f"{before.name!r}; give both the same optimiser, or take keeps_optimiser out"
            )
