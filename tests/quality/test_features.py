"""What the scorer sees of a text."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from codeprimer.quality.features import DENSE_NAMES, DOCUMENTED, look
from codeprimer.quality.units import load_features, save_features

CODE = '''# Licence
def add(a, b):
    """Add two numbers."""
    return a + b


def sub(a, b):
    return a - b
'''


def sign(text: str, name: str) -> float:
    return float(look(text, 14).dense[DENSE_NAMES.index(name)])


def test_every_dense_sign_has_a_name_of_its_own_and_is_finite() -> None:
    assert len(set(DENSE_NAMES)) == len(DENSE_NAMES)
    for text in (CODE, "", "x", "def f(:", "\n\n", "# only a comment", "é = 'ü'\n", "x = 1\n" * 1000):
        dense = look(text, 14).dense
        assert dense.shape == (len(DENSE_NAMES),)
        assert np.isfinite(dense).all()


def test_dense_signs_say_what_their_names_say() -> None:
    assert look(CODE, 14).dense[DOCUMENTED] == 0.5
    assert sign(CODE, "word_return") == sign(CODE, "word_def") > 0
    assert sign("import os\n", "imports_plumbing") == 1
    assert sign("x = (1)\n", "symbol_(") == 1 / 8
    assert sign("if x:\n    y\n    z\n        \n", "indent_4") == np.float32(2 / 3)


def test_counts_are_those_of_words_and_pairs() -> None:
    found = look("alpha beta alpha beta", 20)
    assert sorted(found.counts.tolist()) == [1, 2, 2, 2]  # beta alpha; alpha, beta, alpha beta
    assert found.buckets.max() < 2**20


def test_a_licence_at_the_head_changes_nothing() -> None:
    one, two = look(CODE, 14), look("# Another licence, much longer\n" * 20 + CODE, 14)
    assert (one.dense == two.dense).all()
    assert (one.buckets == two.buckets).all()


def test_features_survive_the_disk(tmp_path: Path) -> None:
    found = [look(text, 14) for text in (CODE, "", "x = 1\n")]
    save_features(tmp_path / "features.npz", found)
    loaded = load_features(tmp_path / "features.npz")
    for one, two in zip(found, loaded, strict=True):
        assert (one.buckets == two.buckets).all()
        assert (one.counts == two.counts).all()
        assert (one.dense == two.dense).all()
    save_features(tmp_path / "none.npz", [])
    assert load_features(tmp_path / "none.npz") == []
