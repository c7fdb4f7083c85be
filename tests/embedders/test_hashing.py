"""Counts of hashed words, and what every embedder must return."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from scipy.sparse import coo_matrix, csr_array, csr_matrix

from codeprimer.core.errors import PluginError
from codeprimer.core.plugins import PluginSettings, make, selected
from codeprimer.embedders.embedder import Embedder, Matrix, embed


def hashing(bucket_bits: int) -> Embedder:
    made: Embedder = make("embedder", selected("embedder", "hashing", bucket_bits=bucket_bits))
    return made


def test_counts_are_those_of_words_and_pairs() -> None:
    vectors: Any = hashing(20).embed(["alpha beta alpha beta", "", "alpha"])
    assert vectors.shape == (3, 2**20)
    assert vectors.dtype == np.float32
    assert sorted(vectors[0].data.tolist()) == [1, 2, 2, 2]  # beta alpha; alpha, beta, alpha beta
    assert vectors[1].nnz == 0
    assert vectors[2].nnz == 1
    assert vectors[0, vectors[2].indices[0]] == 2


def test_a_text_has_the_same_vector_in_any_batch() -> None:
    texts = ["def f(): return 1", "x = [1, 2]\n", "é = '\ud800'", ""]
    together: Any = hashing(8).embed(texts)
    for index, text in enumerate(texts):
        alone: Any = hashing(8).embed([text])
        assert (together[index] != alone).nnz == 0


class Given(Embedder):
    """Returns what it was given."""

    def __init__(self, function: Callable[[int], Any]) -> None:
        super().__init__(PluginSettings(kind="given"))
        self._function = function

    def embed(self, texts: Sequence[str]) -> Matrix:
        vectors: Matrix = self._function(len(texts))
        return vectors


@pytest.mark.parametrize("of", [np.array, csr_matrix, csr_array])
def test_arrays_and_compressed_rows_are_accepted(of: Callable[[Any], Any]) -> None:
    vectors = embed(Given(lambda rows: of(np.ones((rows, 3), dtype=np.float32))), ["a", "b"])
    assert vectors.shape == (2, 3)


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (lambda rows: None, "NoneType"),
        (lambda rows: [[1.0]] * rows, "list"),
        (lambda rows: np.ones((rows + 1, 3), dtype=np.float32), r"shape \(3, 3\) for 2 texts"),
        (lambda rows: np.ones(rows, dtype=np.float32), r"shape \(2,\) for 2 texts"),
        (lambda rows: np.ones((rows, 3)), "float64"),
        (lambda rows: np.full((rows, 3), np.nan, dtype=np.float32), "not finite"),
        (lambda rows: coo_matrix(np.ones((rows, 3), dtype=np.float32)), "coo_matrix"),
    ],
)
def test_anything_else_is_an_error_that_names_the_plugin(function: Callable[[int], Any], fault: str) -> None:
    with pytest.raises(PluginError, match=rf"embedder 'given' .*{fault}"):
        embed(Given(function), ["a", "b"])
