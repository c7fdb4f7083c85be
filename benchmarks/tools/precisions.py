"""The precisions that contenders are measured in on this machine."""

from __future__ import annotations

import sys

from codeprimer.training.probe import product_speeds


def precisions() -> tuple[str, ...]:
    """Return float32 and, where products are no slower in it, bfloat16: without instructions for it a step takes minutes."""
    speeds = product_speeds(0)
    if speeds["bfloat16"] >= speeds["float32"]:
        return ("float32", "bfloat16")
    print(f"bfloat16 is left out: products reach {speeds} GFLOP/s here, so nobody trains in it", file=sys.stderr)
    return ("float32",)
