"""The loss on held-out text while a model trains.

Reads a model and a function that measures it; writes nothing. Key idea: the trainer receives the measurement as a function that
holds the text and has no side effects.
"""

from __future__ import annotations

from collections.abc import Callable

from codeprimer.core.artifact import Artifact
from codeprimer.model.phi import Phi
from codeprimer.model.tokenizer import Tokenizer

Measure = Callable[[Phi], tuple[float, float]]
"""Returns a model's loss on held-out text [nats/token], and the same loss in bits per byte."""

OpenHeldout = Callable[[Tokenizer, Artifact, int], Measure]
"""Selects held-out text from the quality artefact with a seed, and returns the function that measures a model on it."""

LOSS, BITS_PER_BYTE = "heldout_loss", "heldout_bits_per_byte"
"""The keys of the held-out loss in ``metrics.jsonl``."""


class Watch:
    """Evaluates a model on held-out text at intervals, and after the last step."""

    def __init__(self, measure: Measure | None, every: int, total: int) -> None:
        """Evaluate every ``every`` steps (0: never) and after the last of ``total`` steps; only rank 0 has ``measure``."""
        self.note = ""
        """The last result, human-readable."""
        self._measure, self._every, self._total = measure, every, total

    def look(self, step: int, whole: Callable[[], Phi]) -> dict[str, float]:
        """Return the metrics of the model after ``step`` steps; empty if no evaluation is due.

        Every rank must call this: ``whole`` gathers a sharded model from all of them.
        """
        if not self._every or (step % self._every and step != self._total):
            return {}
        model = whole()
        if self._measure is None:
            return {}
        loss, bits_per_byte = self._measure(model)
        self.note = f", held-out loss {loss:.3f}"
        return {LOSS: loss, BITS_PER_BYTE: bits_per_byte}
