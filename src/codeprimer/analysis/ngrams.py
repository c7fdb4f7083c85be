"""Hashes word n-grams to 64 bits, to find repeated wording.

A word is a run of letters, digits and underscores (``\\w+``), in lower case. Each word is hashed once. An n-gram's hash
is a weighted sum of its words' hashes, so one pass computes n-grams of several lengths.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import numpy as np

from codeprimer.analysis.words import U64Array, mix, word_hashes

LONGEST = 64
"""Maximum length of an n-gram [words]."""

_WORD = re.compile(r"\w+")
_FACTORS = np.random.Generator(np.random.PCG64(0x6A4)).integers(1, 2**63, LONGEST, dtype=np.uint64) | np.uint64(1)


def words(text: str) -> list[str]:
    """Return the words in a text, in lower case."""
    return _WORD.findall(text.lower())


def gram_hashes(words_of_text: Collection[str], lengths: Collection[int]) -> dict[int, U64Array]:
    """Return, for each length n, the hashes of all n-grams in order; empty if the text has fewer than n words.

    Equal n-grams have equal hashes in every process and context.
    """
    assert lengths, "at least one length is needed"
    assert max(lengths) <= LONGEST, f"n-grams have at most {LONGEST} words"
    hashes = word_hashes(" ".join(words_of_text).encode("utf-8", "surrogatepass"))
    grams: dict[int, U64Array] = {}
    sums = np.zeros(len(hashes), dtype=np.uint64)
    for offset in range(min(max(lengths), len(hashes))):
        sums = sums[: len(hashes) - offset] + hashes[offset:] * _FACTORS[offset]
        if offset + 1 in lengths:
            grams[offset + 1] = mix(sums)
    empty = np.zeros(0, dtype=np.uint64)
    return {length: grams.get(length, empty) for length in lengths}
