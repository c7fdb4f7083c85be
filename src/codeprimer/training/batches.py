"""The batches of a run.

Reads packed tokens, returns the ids of each step. Its one idea: a batch is a pure function of the seed and the step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codeprimer.core.artifact import Artifact
from codeprimer.core.errors import RecipeError
from codeprimer.core.seeds import derive_seed
from codeprimer.model.packed import open_packed, packed_sets
from codeprimer.training.arrangement import curriculum, shuffled
from codeprimer.training.plan import Plan, course_of
from codeprimer.training.windows import Windows


@dataclass(frozen=True)
class Batch:
    """What one step trains on, [sequences, context + 1]: inputs are all but the last, targets all but the first."""

    ids: NDArray[np.int64]
    shares: NDArray[np.float32]
    """How much each token counts as a target."""


class Batches:
    """The sequences of every step, cut from a tokens artefact."""

    def __init__(self, tokens: Artifact, plan: Plan, seed: int) -> None:
        """Open the sets that the plan names.

        Raises RecipeError when a set does not exist, UserError when it is too small for a single sequence.
        """
        settings = plan.settings
        known = packed_sets(tokens)
        for name in plan.drawn():
            if name not in known:
                raise RecipeError(
                    f"a phase's mixture names the training set {name!r}, which has no tokens; known: {', '.join(known)}"
                )
        self.plan = plan
        self.seed = derive_seed(seed, "training")
        packed = {name: open_packed(tokens, name) for name in plan.drawn()}
        self.courses = {
            course: Windows(
                packed[course.name],
                settings.model.context + 1,
                course.name in settings.whole_documents,
                self.seed,
                shuffled if course.order == "shuffled" else curriculum(course.noise),
            )
            for course in plan.courses()
        }

    def batch(self, step: int, jumped: int = 0) -> Batch:
        """Return what a step trains on, after ``jumped`` steps' data have been left out."""
        phase = self.plan.place(step).phase
        windows = [
            self.courses[course_of(phase, name)].get(number)
            for name, numbers in self.plan.sequences(step, jumped).items()
            for number in numbers
        ]
        shares = np.array([1.0, phase.prompt_weight, 0.0], np.float32)
        return Batch(
            np.stack([window.ids for window in windows]).astype(np.int64),
            shares[np.stack([window.roles for window in windows])],
        )

    def epochs(self) -> dict[str, float]:
        """Return how often the run goes through each set."""
        epochs = dict.fromkeys(self.plan.drawn(), 0.0)
        for course, count in self.plan.courses().items():
            epochs[course.name] += self.courses[course].epochs(count)
        return {name: round(count, 3) for name, count in epochs.items()}

    def left_unread(self) -> Iterator[tuple[str, float]]:
        """Yield the sets whose curriculum the run does not reach the end of, and which share of it it reads."""
        for course, count in self.plan.courses().items():
            read = self.courses[course].epochs(count)
            if course.order == "curriculum" and read < 1:
                yield course.name, read
