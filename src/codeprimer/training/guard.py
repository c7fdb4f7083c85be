"""Which steps are taken, and when a run goes back.

Reads the norms of gradients. Its one idea: a step whose gradient is no number, or far larger than those before it, says more
about its batch than about the way to go, so it is not taken; where many follow each other, the weights have gone astray, and
the run goes back to a checkpoint and past the data that led there. Everything follows from the norms, so every rank of a
distributed run, and every run that continues, decides alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import median

REMEMBERED = 64
"""Norms of the last steps that were taken."""

ENOUGH = 16
"""So many of them say what is usual."""


@dataclass
class Guard:
    """What the norms of a run have said so far; saved with its state."""

    recent: list[float] = field(default_factory=list)
    in_a_row: int = 0
    """Steps skipped since the last one that was taken."""
    skipped: int = 0
    jumped: int = 0
    """So many steps' data have been left out."""
    rollbacks: list[dict[str, int]] = field(default_factory=list)
    """For each: after which step it was decided, to which step it led."""

    def takes(self, norm: float, loss: float, factor: float) -> bool:
        """Decide about a step, and remember it."""
        is_usual = len(self.recent) < ENOUGH or norm <= factor * median(self.recent)
        if not (math.isfinite(norm) and math.isfinite(loss) and is_usual):
            self.in_a_row += 1
            self.skipped += 1
            return False
        self.in_a_row = 0
        self.recent = [*self.recent[1 - REMEMBERED :], norm]
        return True

    def begin_phase(self) -> None:
        """Forget what was usual: the data are others."""
        self.recent = []

    def went_back(self, before: Guard, from_step: int, to_step: int) -> None:
        """Take over from the guard of the state that the run has gone back from."""
        self.skipped = before.skipped
        self.jumped = before.jumped + from_step - to_step
        self.rollbacks = [*before.rollbacks, {"from": from_step, "to": to_step}]
