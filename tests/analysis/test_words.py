"""Hashes of words."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from codeprimer.analysis.words import word_hashes


def words_of(text: str) -> list[bytes]:
    return re.findall(rb"[A-Za-z0-9_\x80-\xff]+", text.encode())


@given(st.text(alphabet="ab_ 1.\nß", max_size=60))
def test_two_words_have_equal_hashes_exactly_when_they_are_equal(text: str) -> None:
    words = words_of(text)
    hashes = word_hashes(text.encode()).tolist()
    assert len(hashes) == len(words)
    assert len(set(hashes)) == len(set(words))
    assert len(set(zip(words, hashes, strict=True))) == len(set(words))


def test_a_word_has_the_same_hash_at_every_position() -> None:
    alone = word_hashes(b"needle")[0]
    assert word_hashes(b"some hay, then a needle (and more)").tolist().count(alone) == 1
    assert word_hashes(b" " * 300_000 + b"needle").tolist() == [alone]


def test_hashes_are_the_same_in_every_process_and_release() -> None:
    expected = np.array([308854157693597537, 5270129925145072124], dtype=np.uint64)
    assert word_hashes(b"def main").tolist() == expected.tolist()


def test_text_without_words_has_no_hashes() -> None:
    assert len(word_hashes(b"")) == 0
    assert len(word_hashes(b"+ - (:)")) == 0
