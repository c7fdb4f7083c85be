"""Word n-grams: the same wording has the same hashes in any context."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from codeprimer.analysis.ngrams import gram_hashes, words


def test_words_are_lower_case_runs_of_letters_digits_and_underscores() -> None:
    assert words("Return the  SUM: of x_1, ‘naïve’—and 3.5!") == [
        "return",
        "the",
        "sum",
        "of",
        "x_1",
        "naïve",
        "and",
        "3",
        "5",
    ]


def test_a_text_shorter_than_an_ngram_has_none() -> None:
    grams = gram_hashes(words("one two three"), {2, 3, 4})
    assert {length: len(hashes) for length, hashes in grams.items()} == {2: 2, 3: 1, 4: 0}
    assert len(gram_hashes([], {13})[13]) == 0


def test_order_matters() -> None:
    assert gram_hashes(["a", "b"], {2})[2][0] != gram_hashes(["b", "a"], {2})[2][0]


VOCABULARY = st.lists(st.sampled_from(["alpha", "beta", "gamma", "δέλτα", "5", "x_y"]), max_size=12)


@given(VOCABULARY, VOCABULARY, VOCABULARY)
def test_a_passage_is_found_in_any_text_and_nothing_else_is(
    before: list[str], passage: list[str], after: list[str]
) -> None:
    passage = [*passage, "end", "of", "it"]
    length = len(passage)
    inside = gram_hashes([*before, *passage, *after], {length})[length]
    wanted = gram_hashes(passage, {length})[length]
    places = np.flatnonzero(inside == wanted[0]).tolist()
    text = [*before, *passage, *after]
    assert places == [start for start in range(len(text)) if text[start : start + length] == passage]


def test_hashes_are_the_same_in_every_release() -> None:
    assert [hex(int(value)) for value in gram_hashes(words("Return the sum."), {3})[3]] == ["0x7c1adab753cd9ac5"]
