"""Hashes all words in a text at once, in NumPy.

A word is a run of letters, digits, underscores and non-ASCII bytes; its hash has 64 bits. A running sum over the bytes
gives the polynomial hash of every word without a Python loop.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

U64Array = npt.NDArray[np.uint64]

_BASE = 0x9E3779B97F4A7C15
_LETTERS = np.random.Generator(np.random.PCG64(0x5EED)).integers(1, 2**64, 256, dtype=np.uint64)
_IN_WORD = np.zeros(256, dtype=np.bool_)
_IN_WORD[np.frombuffer(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", dtype=np.uint8)] = True
_IN_WORD[128:] = True


def mix(values: U64Array) -> U64Array:
    """Return the values with every bit spread over all 64 bits (the finaliser of SplitMix64)."""
    values = values ^ (values >> np.uint64(30))
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values


def word_hashes(data: bytes) -> U64Array:
    """Return one hash per word in ``data``, in order; equal words have equal hashes in any process."""
    codes = np.frombuffer(data, dtype=np.uint8)
    starts, ends = word_bounds(codes)
    powers, inverses = _powers(_table_size(len(codes)))
    sums = np.zeros(len(codes) + 1, dtype=np.uint64)
    np.cumsum(_LETTERS[codes] * powers[: len(codes)], out=sums[1:])
    # The inverse power moves each word to position 0, so its hash does not depend on its position.
    return mix((sums[ends] - sums[starts]) * inverses[starts])


def word_bounds(codes: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the index of every word's first byte, and the index of the first byte after every word."""
    inside = np.zeros(len(codes) + 2, dtype=np.bool_)
    inside[1:-1] = _IN_WORD[codes]
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    return edges[::2], edges[1::2]


def _table_size(length: int) -> int:
    return 1 << max(16, length.bit_length())


@lru_cache(maxsize=1)
def _powers(size: int) -> tuple[U64Array, U64Array]:
    """Return the powers of the base and of its inverse modulo 2**64."""
    tables = []
    for base in (_BASE, pow(_BASE, -1, 2**64)):
        factors = np.full(size, base, dtype=np.uint64)
        factors[0] = 1
        tables.append(np.cumprod(factors, dtype=np.uint64))
    return tables[0], tables[1]
