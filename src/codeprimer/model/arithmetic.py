"""The arithmetic of a training step, and the measured matmul peak of a device.

Reads a shape and measures a device; writes nothing. Key idea: a step's utilization is relative to the device's measured
throughput in plain matrix products, not to its datasheet.
"""

from __future__ import annotations

import time

import torch

from codeprimer.model.config import PhiConfig

SECONDS = 2.0
"""Duration of the measurement [s]."""

SHORTLY = 0.3
"""Duration of the measurement while training waits [s]."""

SIZES = {"cpu": 1024, "cuda": 8192}
"""The size of the matrices that reach the peak, by device type."""

AT_ONCE = 4
"""Number of products between clock readings on a device that executes asynchronously."""


def flop_per_token(config: PhiConfig, is_frozen: bool = False) -> int:
    """Return the cost of training on one token [FLOP]: 6 per matrix weight, plus attention over half of all pairs.

    Frozen weights cost 4, because they need no weight gradients. Adapters are not counted.
    """
    size, layers = config.hidden_size, config.layers
    weights = layers * (4 * size**2 + 2 * size * config.intermediate) + size * config.vocab_size
    return (4 if is_frozen else 6) * weights + 6 * layers * size * config.context


def matmul_peak(dtype: torch.dtype, device: torch.device, size: int, seconds: float = SECONDS) -> float:
    """Return the throughput of square matrix products of a given size [GFLOP/s], the best within ``seconds`` [s]."""
    # A separate generator, so that the measurement does not affect other random numbers.
    random = torch.Generator(device).manual_seed(0)
    first, second = (torch.randn(size, size, device=device, generator=random).to(dtype) for _ in range(2))
    # A thread's CPU time excludes the time for which other programs use its core.
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
