"""The batches of a run.

Reads packed tokens and returns the ids for each step. Key idea: a batch is a pure function of the seed and the step.
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
from codeprimer.training.permutation import curriculum, shuffled
from codeprimer.training.plan import Plan, stream_of
from codeprimer.training.sequences import SequenceSampler


@dataclass(frozen=True)
class Batch:
    """The batch for one step, [sequences, context + 1]: all tokens but the last are inputs, all but the first are targets."""

    ids: NDArray[np.int64]
    loss_weights: NDArray[np.float32]
    """The loss weight of each token as a target."""


class Batches:
    """The sequences of every step, cut from a tokens artefact."""

    def __init__(self, tokens: Artifact, plan: Plan, seed: int) -> None:
        """Open the training sets of the plan.

        Raises RecipeError if a set does not exist, UserError if it is too small for a single sequence.
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
        self.streams = {
            stream: SequenceSampler(
                packed[stream.name],
                settings.model.context + 1,
                stream.name in settings.whole_documents,
                self.seed,
                shuffled if stream.order == "shuffled" else curriculum(stream.noise),
            )
            for stream in plan.streams()
        }

    def batch(self, step: int, jumped: int = 0) -> Batch:
        """Return the batch for a step, after the data of ``jumped`` steps have been left out."""
        phase = self.plan.position(step).phase
        sequences = [
            self.streams[stream_of(phase, name)].get(number)
            for name, numbers in self.plan.sequences(step, jumped).items()
            for number in numbers
        ]
        weight_of_role = np.array([1.0, phase.prompt_weight, 0.0], np.float32)
        return Batch(
            np.stack([sequence.ids for sequence in sequences]).astype(np.int64),
            weight_of_role[np.stack([sequence.roles for sequence in sequences])],
        )

    def epochs(self) -> dict[str, float]:
        """Return the number of epochs over each set."""
        epochs = dict.fromkeys(self.plan.drawn(), 0.0)
        for stream, count in self.plan.streams().items():
            epochs[stream.name] += self.streams[stream].epochs(count)
        return {name: round(count, 3) for name, count in epochs.items()}

    def unfinished_curricula(self) -> Iterator[tuple[str, float]]:
        """Yield each set whose curriculum the run does not finish, with the fraction that the run reads."""
        for stream, count in self.plan.streams().items():
            read = self.streams[stream].epochs(count)
            if stream.order == "curriculum" and read < 1:
                yield stream.name, read
