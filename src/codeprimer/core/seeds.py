"""All seeds derive from one: a path of names under the recipe's seed gives an independent, stable stream.

Python's ``hash`` differs between processes and ``random.seed(str)`` between versions, so seeds are BLAKE2b digests.
"""

from __future__ import annotations

import hashlib
import random

import numpy as np


def derive_seed(root: int, *names: str | int) -> int:
    """Return a 63-bit seed for the stream ``names`` under ``root``; the same in every process and version."""
    path = "\x1f".join([str(root), *map(str, names)])
    return int.from_bytes(hashlib.blake2b(path.encode(), digest_size=8).digest(), "big") >> 1


def python_random(root: int, *names: str | int) -> random.Random:
    """Return Python's generator for the stream ``names`` under ``root``."""
    return random.Random(derive_seed(root, *names))


def numpy_random(root: int, *names: str | int) -> np.random.Generator:
    """Return NumPy's PCG64 generator for the stream ``names`` under ``root``."""
    return np.random.Generator(np.random.PCG64(derive_seed(root, *names)))
