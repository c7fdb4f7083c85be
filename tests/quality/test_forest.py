"""The random forest, its reduction, and its arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.sparse import csr_matrix
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfTransformer

from codeprimer.core.plugins import make, selected
from codeprimer.embedders.embedder import Matrix
from codeprimer.quality.features import SIGN_NAMES, Features
from codeprimer.quality.forest import Reduction, weight_counts
from codeprimer.quality.scorer import Scorer
from codeprimer.quality.tree_arrays import arrays_of


def test_the_arrays_predict_what_scikit_learn_predicts() -> None:
    generator = np.random.Generator(np.random.PCG64(1))
    features = generator.normal(size=(400, 9)).astype(np.float32)
    good = features[:, 0] + features[:, 1] ** 2 + generator.normal(size=400) > 1
    classifier = RandomForestClassifier(25, min_samples_leaf=2, class_weight="balanced", random_state=3)
    classifier.fit(features[:300], good[:300])
    expected = classifier.predict_proba(features)[:, 1]
    assert np.allclose(arrays_of(classifier).predict(features), expected, rtol=0, atol=1e-12)


def test_trees_of_a_single_leaf_give_the_base_rate() -> None:
    features = np.zeros((8, 2), dtype=np.float32)
    classifier = RandomForestClassifier(5, bootstrap=False, random_state=0).fit(features, np.arange(8) < 2)
    assert arrays_of(classifier).predict(features).tolist() == [0.25] * 8


def counts(rows: int, dim: int) -> csr_matrix:
    return csr_matrix(np.random.default_rng(1).poisson(0.3, (rows, dim)).astype(np.float32))


def test_counts_are_weighted_as_scikit_learn_does() -> None:
    found = counts(50, 30)
    idf = Reduction.fit(found, 30, 1).idf
    assert idf is not None
    expected = TfidfTransformer(sublinear_tf=True).fit_transform(found)
    assert np.allclose(weight_counts(found, idf).toarray(), expected.toarray(), atol=1e-6)


def test_only_wide_vectors_are_reduced_and_only_counts_weighted() -> None:
    narrow = np.random.default_rng(1).normal(size=(40, 8)).astype(np.float32)
    assert (Reduction.fit(narrow, 8, 1).apply(narrow) == narrow).all()
    assert (Reduction.fit(csr_matrix(narrow), 8, 1).apply(csr_matrix(narrow)) == narrow).all()
    wide = Reduction.fit(narrow, 5, 1)
    assert wide.idf is None
    assert wide.apply(narrow).shape == (40, 5)
    assert Reduction.fit(counts(40, 64), 5, 1).apply(counts(40, 64)).shape == (40, 5)


def separable(vectors: Matrix) -> tuple[Features, npt.NDArray[np.bool_]]:
    """Return features whose first sign tells good from bad."""
    good = np.arange(vectors.shape[0]) % 3 == 0
    signs = np.zeros((len(good), len(SIGN_NAMES)), dtype=np.float32)
    signs[:, :60] = good[:, None]
    return Features(vectors, signs), good


@pytest.mark.parametrize("wide", [True, False])
def test_a_saved_forest_gives_the_same_scores_and_the_same_bytes(wide: bool, tmp_path: Path) -> None:
    features, good = separable(counts(90, 64) if wide else np.ones((90, 4), dtype=np.float32))
    settings = selected("scorer", "forest", trees=20, components=6)
    for folder in (tmp_path / "one", tmp_path / "two"):
        scorer: Scorer = make("scorer", settings)
        scorer.fit(features, good, np.where(good, 5.0, 0.0), seed=2**40 + 1)
        folder.mkdir()
        scorer.save(folder)
    assert (tmp_path / "one" / "forest.npz").read_bytes() == (tmp_path / "two" / "forest.npz").read_bytes()
    again: Scorer = make("scorer", settings)
    again.load(tmp_path / "one")
    scores = again.score(features)
    assert (scores == scorer.score(features)).all()
    assert ((scores > 0.5) == good).all()
    assert again.describe() == scorer.describe()
    assert "20 trees" in scorer.describe()["model"]
    assert ("6 dimensions" in scorer.describe()["inputs"]) is wide
