"""Exact duplicates."""

from __future__ import annotations

import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from codeprimer.corpus.exact import find_exact_duplicates
from codeprimer.corpus.reading import KEYS


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=30))
def test_of_equal_texts_the_best_licence_stays_then_the_first(documents: list[tuple[int, int]]) -> None:
    ids = [np.frombuffer(hashlib.sha256(bytes([text])).digest(), dtype=">u8") for text, _ in documents]
    ranks = [rank for _, rank in documents]
    keys = np.array([(one, rank, 1) for one, rank in zip(ids, ranks, strict=True)], dtype=KEYS)
    stays = find_exact_duplicates(keys).tolist()
    for index, (text, _) in enumerate(documents):
        equal = [other for other, (same, _) in enumerate(documents) if same == text]
        assert stays[index] == min(equal, key=lambda other: (documents[other][1], other))
