"""The factor that keeps small gradients within the range of float16.

Reads norms of gradients. Its one idea: losses are multiplied by a power of two before the backward pass and gradients
divided by it after; where a gradient overflowed, the step is left out and the factor halved, and after many steps without
it is doubled (Micikevicius and others, "Mixed Precision Training", 2018, section 3.2).
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
    """The factor of a run; saved with its state. 1 where numbers have the range of float32."""

    factor: float = 1.0
    good: int = 0
    """Steps since the factor changed."""

    @classmethod
    def of(cls, precision: str) -> LossScale:
        """Return what a run of a precision begins with."""
        return cls(FIRST if precision == "float16" else 1.0)

    def overflowed(self, norm: float) -> bool:
        """Remember a step; return whether its gradients overflowed because of the factor, which is halved then."""
        if self.factor == 1.0:
            return False
        if not math.isfinite(norm):
            if self.factor == LEAST:
                return False  # it is not the factor
            self.factor, self.good = self.factor / 2, 0
            return True
        self.good += 1
        if self.good >= PATIENCE:
            self.factor, self.good = min(LARGEST, self.factor * 2), 0
        return False
