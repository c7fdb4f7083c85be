"""Dynamic loss scaling for float16.

Reads gradient norms. Key idea: the loss is multiplied by a power of two before the backward pass and gradients are divided by
it afterwards; when a gradient overflows, the step is skipped and the factor is halved; after many steps without overflow, it is
doubled (Micikevicius et al., "Mixed Precision Training", 2018, section 3.2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

FIRST = 2.0**16
LARGEST, LEAST = 2.0**24, 2.0
PATIENCE = 1000
"""Steps without overflow before the factor is doubled."""


@dataclass
class LossScale:
    """A run's loss scale, which is part of its saved state; 1 unless the precision is float16."""

    factor: float = 1.0
    good: int = 0
    """Number of steps since the factor last changed."""

    @classmethod
    def of(cls, precision: str) -> LossScale:
        """Return the initial scale for a precision."""
        return cls(FIRST if precision == "float16" else 1.0)

    def overflowed(self, norm: float) -> bool:
        """Record a step; return whether its gradients overflowed because of the factor, and halve it if so."""
        if self.factor == 1.0:
            return False
        if not math.isfinite(norm):
            if self.factor == LEAST:
                return False  # the loss scale is not the cause
            self.factor, self.good = self.factor / 2, 0
            return True
        self.good += 1
        if self.good >= PATIENCE:
            self.factor, self.good = min(LARGEST, self.factor * 2), 0
        return False
