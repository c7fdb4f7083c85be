"""A forest as plain arrays."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from codeprimer.quality.forest import forest_of


def test_the_arrays_predict_what_scikit_learn_predicts() -> None:
    generator = np.random.Generator(np.random.PCG64(1))
    features = generator.normal(size=(400, 9)).astype(np.float32)
    good = features[:, 0] + features[:, 1] ** 2 + generator.normal(size=400) > 1
    classifier = RandomForestClassifier(25, min_samples_leaf=2, class_weight="balanced", random_state=3)
    classifier.fit(features[:300], good[:300])
    expected = classifier.predict_proba(features)[:, 1]
    assert np.allclose(forest_of(classifier).predict(features), expected, rtol=0, atol=1e-12)


def test_a_forest_of_mere_leaves_gives_the_base_rate() -> None:
    features = np.zeros((8, 2), dtype=np.float32)
    classifier = RandomForestClassifier(5, bootstrap=False, random_state=0).fit(features, np.arange(8) < 2)
    forest = forest_of(classifier)
    assert forest.depth == 0
    assert forest.predict(features).tolist() == [0.25] * 8
