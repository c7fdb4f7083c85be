"""The order of the sequences in an epoch.

Reads and writes nothing. Key idea: an order is a permutation from a seeded generator; a curriculum with noise is the given
order, shuffled within a sliding window.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

Permute = Callable[[int, np.random.Generator], NDArray[np.int64]]
"""Returns a permutation of the numbers below the given count."""


def shuffled(count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Return a random permutation."""
    return generator.permutation(count)


def curriculum(noise: float) -> Permute:
    """Return a function that keeps the order except within a window of ``noise`` times the count."""
    return partial(shuffled_nearby, noise=noise)


def shuffled_nearby(count: int, generator: np.random.Generator, noise: float) -> NDArray[np.int64]:
    """Return a permutation that moves no number by more than ``noise * count``.

    The sort key is the number plus a random part of the window; keys that are further apart than the window keep their order.
    """
    keys = np.arange(count) + noise * count * generator.random(count)
    return np.argsort(keys, kind="stable")
