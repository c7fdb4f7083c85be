"""What a training step computes, and what a device can compute.

Reads a shape, measures a device; writes nothing. Its one idea: the share of what a device reaches in plain products of
matrices says how well a step uses it, whatever the datasheet promises.
"""

from __future__ import annotations

import time

import torch

from codeprimer.model.config import PhiConfig

SECONDS = 2.0
"""How long products are repeated [s]."""

SHORTLY = 0.3
"""How long they are where something else waits meanwhile [s]."""

SIZES = {"cpu": 1024, "cuda": 8192}
"""The size of matrices whose products reach the most, by the kind of device."""

AT_ONCE = 4
"""Products between two looks at the clock, on a device that is told of them long before it makes them."""


def flop_per_token(config: PhiConfig, is_frozen: bool = False) -> int:
    """Return the arithmetic of one token's step [FLOP]: 6 per weight of a matrix, attention as half of all pairs.

    Where weights are frozen beside adapters, which do not count, it is 4 per weight: they get no gradients.
    """
    size, layers = config.hidden_size, config.layers
    weights = layers * (4 * size**2 + 2 * size * config.intermediate) + size * config.vocab_size
    return (4 if is_frozen else 6) * weights + 6 * layers * size * config.context


def ceiling(dtype: torch.dtype, device: torch.device, size: int, seconds: float = SECONDS) -> float:
    """Return what products of square matrices of a size reach [GFLOP/s], the best of some seconds."""
    # Of its own generator: whoever draws numbers elsewhere draws the same ones, measured or not.
    random = torch.Generator(device).manual_seed(0)
    first, second = (torch.randn(size, size, device=device, generator=random).to(dtype) for _ in range(2))
    # One thread's own time does not run while other programs have its core.
    is_alone = device.type == "cpu" and torch.get_num_threads() == 1
    clock = time.thread_time if is_alone else time.perf_counter
    at_once = 1 if device.type == "cpu" else AT_ONCE
    best, until = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < until or not best:
        started = clock()
        for _ in range(at_once):
            product = first @ second
        float(product[0, 0])  # waits for the device
        best = max(best, at_once * 2 * size**3 / (clock() - started) / 1e9)
    return round(best, 1)
