"""The precisions in which contenders are measured on this machine."""

from __future__ import annotations

import sys

from codeprimer.training.probe import HOPELESS, product_cost


def precisions() -> tuple[str, ...]:
    """Return float32 and, if this machine has bfloat16 instructions, bfloat16; without them, a step takes minutes."""
    if (cost := product_cost(0)) <= HOPELESS:
        return ("float32", "bfloat16")
    print(
        f"bfloat16 is omitted: on this machine, matrix products take {cost:.0f} times as long in it",
        file=sys.stderr,
    )
    return ("float32",)
