"""The loss on held-out text while a model trains.

Reads a model and what measures it, writes nothing. Its one idea: whoever trains knows neither the text nor how it is
measured; what measures it is handed in, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from codeprimer.core.artifact import Artifact
from codeprimer.model.phi import Phi
from codeprimer.model.tokenizer import Tokenizer

Measure = Callable[[Phi], tuple[float, float]]
"""Returns a model's loss on held-out text [nats/token], and the same in bits per byte."""

OpenHeldout = Callable[[Tokenizer, Artifact, int], Measure]
"""Chooses the text from the quality artefact, by a seed."""

LOSS, BITS_PER_BYTE = "heldout_loss", "heldout_bits_per_byte"
"""What the two are called in ``metrics.jsonl``."""


class Watch:
    """Measures a model now and then, and after the last step."""

    def __init__(self, measure: Measure | None, every: int, total: int) -> None:
        """Look every so many of ``total`` steps, 0 for never; of several ranks, one has ``measure``."""
        self.note = ""
        """What was measured last, for people."""
        self._measure, self._every, self._total = measure, every, total

    def look(self, step: int, whole: Callable[[], Phi]) -> dict[str, float]:
        """Return what is to be noted of the model after ``step`` steps: nothing where it is not the time.

        All ranks ask for the model, whoever of them measures.
        """
        if not self._every or (step % self._every and step != self._total):
            return {}
        model = whole()
        if self._measure is None:
            return {}
        loss, bits_per_byte = self._measure(model)
        self.note = f", held out {loss:.3f}"
        return {LOSS: loss, BITS_PER_BYTE: bits_per_byte}
