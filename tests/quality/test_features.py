"""What a scorer sees of a text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codeprimer.core.plugins import make, selected
from codeprimer.embedders.embedder import Embedder, Matrix
from codeprimer.quality.features import (
    DOCUMENTED,
    SIGN_NAMES,
    Features,
    concatenate,
    features_of,
    text_signs,
    without_head_comment,
)

CODE = '''# Licence
def add(a, b):
    """Add two numbers."""
    return a + b


def sub(a, b):
    return a - b
'''

HASHING: Embedder = make("embedder", selected("embedder", "hashing"))


def sign(text: str, name: str) -> float:
    return float(text_signs(text)[SIGN_NAMES.index(name)])


def test_every_sign_has_a_name_of_its_own_and_is_finite() -> None:
    assert len(set(SIGN_NAMES)) == len(SIGN_NAMES)
    for text in (CODE, "", "x", "def f(:", "\n\n", "# only a comment", "é = 'ü'\n", "x = 1\n" * 1000):
        signs = text_signs(text)
        assert signs.shape == (len(SIGN_NAMES),)
        assert np.isfinite(signs).all()


def test_signs_measure_what_their_names_say() -> None:
    assert text_signs(CODE)[DOCUMENTED] == 0.5
    assert sign(CODE, "word_return") == sign(CODE, "word_def") > 0
    assert sign("import os\n", "imports_plumbing") == 1
    assert sign("x = (1)\n", "symbol_(") == 1 / 8
    assert sign("if x:\n    y\n    z\n        \n", "indent_4") == np.float32(2 / 3)


def test_a_licence_at_the_head_changes_nothing() -> None:
    other = "# Another licence, much longer\n" * 20 + CODE
    assert without_head_comment(other) == without_head_comment(CODE) != CODE
    one, two = features_of([CODE], HASHING), features_of([other], HASHING)
    assert (one.signs == two.signs).all()
    assert (one.vectors != two.vectors).nnz == 0


def dense(matrix: Matrix) -> list[list[float]]:
    array: np.ndarray[tuple[int, int], np.dtype[np.float32]] = (
        matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
    )
    return array.tolist()


@pytest.mark.parametrize("sparse", [True, False])
def test_features_survive_the_disk_and_are_selected_by_row(sparse: bool, tmp_path: Path) -> None:
    features = features_of([CODE, "", "x = 1\n"], HASHING)
    if not sparse:
        features = Features(np.array(dense(features.vectors), dtype=np.float32), features.signs)
    features.save(tmp_path)
    loaded = Features.load(tmp_path)
    assert isinstance(loaded.vectors, np.ndarray) is not sparse
    again = concatenate([loaded[np.array([0])], loaded[np.array([1, 2])]])
    for found in (loaded, again):
        assert len(found) == 3
        assert (found.signs == features.signs).all()
        assert dense(found.vectors) == dense(features.vectors)
