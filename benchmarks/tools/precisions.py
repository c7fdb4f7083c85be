"""The precisions that contenders are measured in on this machine."""

from __future__ import annotations

import sys

from codeprimer.training.probe import HOPELESS, product_cost


def precisions() -> tuple[str, ...]:
    """Return float32 and, where this machine can compute in it, bfloat16: without instructions for it a step takes minutes."""
    if (cost := product_cost(0)) <= HOPELESS:
        return ("float32", "bfloat16")
    print(
        f"bfloat16 is left out: products take {cost:.0f} times as long in it here, so nobody trains in it",
        file=sys.stderr,
    )
    return ("float32",)
