"""The guard against diverging training: it skips bad steps and decides on rollbacks.

Reads losses and gradient norms. Key idea: a step with a non-finite loss or gradient, or with a gradient norm far above the
recent median, is treated as an outlier and skipped; many skipped steps in a row mean that the weights have diverged, and the
run rolls back to a saved state and skips the data in between. Decisions depend only on the losses and norms, so every rank of
a distributed run, and every resumed run, makes the same decisions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import median

REMEMBERED = 64
"""Number of recent gradient norms that are kept."""

ENOUGH = 16
"""Number of norms needed for a meaningful median."""


@dataclass
class Guard:
    """The history of gradient norms and rollbacks; part of the saved state."""

    recent: list[float] = field(default_factory=list)
    in_a_row: int = 0
    """Number of steps skipped since the last step that was taken."""
    skipped: int = 0
    jumped: int = 0
    """Number of steps whose data have been left out."""
    rollbacks: list[dict[str, int]] = field(default_factory=list)
    """For each rollback, the step that the run went back from and the step that it went back to."""

    def takes(self, norm: float, loss: float, factor: float) -> bool:
        """Return whether to take a step, and record its norm if so."""
        is_usual = len(self.recent) < ENOUGH or norm <= factor * median(self.recent)
        if not (math.isfinite(norm) and math.isfinite(loss) and is_usual):
            self.in_a_row += 1
            self.skipped += 1
            return False
        self.in_a_row = 0
        self.recent = [*self.recent[1 - REMEMBERED :], norm]
        return True

    def begin_phase(self) -> None:
        """Forget the recent norms, because the new phase has different data."""
        self.recent = []

    def went_back(self, before: Guard, from_step: int, to_step: int) -> None:
        """Record a rollback; ``before`` is the guard as it was just before the rollback."""
        self.skipped = before.skipped
        self.jumped = before.jumped + from_step - to_step
        self.rollbacks = [*before.rollbacks, {"from": from_step, "to": to_step}]
