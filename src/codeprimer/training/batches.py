"""The batches of a run.

Reads packed tokens, returns the ids of each step. Its one idea: a batch is a pure function of the seed and the step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codeprimer.core.artifact import Artifact
from codeprimer.core.errors import RecipeError
from codeprimer.core.seeds import derive_seed
from codeprimer.model.packed import open_packed, packed_sets
from codeprimer.training.plan import Plan
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
        self.sets = {
            name: Windows(
                open_packed(tokens, name),
                settings.model.context + 1,
                name in settings.whole_documents,
                self.seed,
            )
            for name in plan.drawn()
        }

    def batch(self, step: int, jumped: int = 0) -> Batch:
        """Return what a step trains on, after ``jumped`` steps' data have been left out."""
        windows = [
            self.sets[name].get(number)
            for name, numbers in self.plan.sequences(step, jumped).items()
            for number in numbers
        ]
        shares = np.array([1.0, self.plan.place(step).phase.prompt_weight, 0.0], np.float32)
        return Batch(
            np.stack([window.ids for window in windows]).astype(np.int64),
            shares[np.stack([window.roles for window in windows])],
        )

    def epochs(self) -> dict[str, float]:
        """Return how often the run goes through each set."""
        return {name: round(self.sets[name].epochs(count), 3) for name, count in self.plan.drawn().items()}
