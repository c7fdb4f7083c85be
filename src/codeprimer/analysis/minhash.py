"""Near-duplicate signatures: one-permutation MinHash over word 5-grams, in NumPy.

Turns a text into a set of 5-gram hashes and a signature, which is cut into bands, and compares two hash sets by their
exact Jaccard similarity. Each 5-gram is hashed once, the range of hashes is cut into bins, and the signature consists of
the smallest hash in each bin. The set is sorted, so the first hash in a bin is the smallest.

Sources: P. Li, A. Owen, C.-H. Zhang, "One Permutation Hashing", 2012; A. Shrivastava, "Optimal Densification for Fast
and Accurate Minwise Hashing", 2017 (an empty bin borrows from the first filled bin in its own random order).

Two pitfalls are avoided. A text with fewer than five words gives one hash of all its words, because otherwise all short
texts would have the same, empty set. The comment block at the top of a file, usually a licence notice, is ignored,
because in a short file it would outweigh the code.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from codeprimer.analysis.words import U64Array, mix, word_hashes

WORDS = 5
"""Length of an n-gram [words]."""

_FACTORS = np.random.Generator(np.random.PCG64(0xFAC7)).integers(1, 2**63, WORDS, dtype=np.uint64) * np.uint64(
    2
) + np.uint64(1)
_HEAD_COMMENT = re.compile(r"\A(?:[ \t\f]*(?:#[^\n]*)?\n)+")


def shingles(text: str) -> U64Array:
    """Return the sorted, distinct hashes of a text's word 5-grams; never empty."""
    body = _HEAD_COMMENT.sub("", text) or text
    words = word_hashes(body.encode("utf-8", "surrogatepass"))
    if len(words) < WORDS:
        # The factors depend on the position, so that "a b" and "b a" have different hashes; the length is also added.
        return mix(np.array([_weigh(words) + np.uint64(len(words))], dtype=np.uint64))
    count = len(words) - WORDS + 1
    grams = words[:count] * _FACTORS[0]
    for offset in range(1, WORDS):
        grams += words[offset : offset + count] * _FACTORS[offset]
    return np.unique(mix(grams))


def _weigh(words: U64Array) -> np.uint64:
    return np.uint64((words * _FACTORS[: len(words)]).sum(dtype=np.uint64))


def signature(hashes: U64Array, bins: int) -> U64Array:
    """Return the one-permutation MinHash of sorted hashes: ``bins`` values; empty bins borrow from other bins."""
    bin_of = ((hashes >> np.uint64(32)) * np.uint64(bins)) >> np.uint64(32)
    first = np.searchsorted(bin_of, np.arange(bins, dtype=np.uint64))
    inside = np.minimum(first, len(hashes) - 1)
    filled = bin_of[inside] == np.arange(bins, dtype=np.uint64)
    values = hashes[inside]
    if filled.all():
        return values
    order = _borrowing_order(bins)
    lender = order[np.arange(bins), filled[order].argmax(axis=1)]
    return values[np.where(filled, np.arange(bins), lender)]


@lru_cache(maxsize=8)
def _borrowing_order(bins: int) -> npt.NDArray[np.int64]:
    """Return, for every bin, all bins in a separate random order [bins, bins]."""
    generator = np.random.Generator(np.random.PCG64(bins))
    return np.argsort(generator.random((bins, bins)), axis=1).astype(np.int64)


def band_keys(values: U64Array, bands: int) -> U64Array:
    """Return one key per band of the signature; two texts that have a key in common are candidates.

    With ``r`` rows per band, texts with Jaccard similarity ``s`` are candidates with probability ``1 - (1 - s**r)**bands``.
    """
    rows = values.reshape(bands, -1)
    keys = np.zeros(bands, dtype=np.uint64)
    for row in range(rows.shape[1]):
        keys = mix(keys + rows[:, row] + np.uint64(row))
    return keys


def jaccard(first: U64Array, second: U64Array) -> float:
    """Return the exact Jaccard similarity of two sorted hash sets."""
    both = len(np.intersect1d(first, second, assume_unique=True))
    return both / (len(first) + len(second) - both)
