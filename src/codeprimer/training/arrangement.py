"""In which order the sequences of an epoch come.

Reads nothing, writes nothing. Its one idea: an order is a permutation that follows from a seeded generator; a curriculum
with noise is the order that is there, in which neighbours within a window change places and nobody goes further.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

Arrange = Callable[[int, np.random.Generator], NDArray[np.int64]]
"""Returns so many numbers from 0 on in the order in which they come."""


def shuffled(count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Return the numbers in a random order."""
    return generator.permutation(count)


def curriculum(noise: float) -> Arrange:
    """Return what keeps the order; ``noise`` is the share of all within which neighbours change places."""
    return partial(shuffled_nearby, noise=noise)


def shuffled_nearby(count: int, generator: np.random.Generator, noise: float) -> NDArray[np.int64]:
    """Return the numbers in an order in which none is further than ``noise * count`` from where it was.

    Each gets a key, its number plus a random part of the window; keys further apart than the window cannot change places.
    """
    keys = np.arange(count) + noise * count * generator.random(count)
    return np.argsort(keys, kind="stable")
