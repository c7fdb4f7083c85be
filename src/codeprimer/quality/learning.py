"""Fits and calibrates a scorer on labels, and measures how good it is on packages that it has not seen."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from codeprimer.core.console import Console
from codeprimer.core.seeds import derive_seed
from codeprimer.embedders.embedder import Embedder
from codeprimer.quality.calibration import Calibration, fit_calibration
from codeprimer.quality.features import DOCUMENTED, LENGTH, SIGN_NAMES
from codeprimer.quality.labelling import LabelledSample
from codeprimer.quality.metrics import (
    Floats,
    Truth,
    average_precision,
    brier,
    decisions,
    reliability,
    rounded,
    spearman,
)
from codeprimer.quality.sample import SPLITS
from codeprimer.quality.scorer import Scorer, raw_scores
from codeprimer.quality.scoring import CalibratedScorer


def fit_scorer(
    labelled: LabelledSample, embedder: Embedder, scorer: Scorer, seed: int, console: Console
) -> CalibratedScorer:
    """Fit the scorer on the train split and calibrate it on the calibration split."""
    train, calibration = labelled.split("train"), labelled.split("calibration")
    scorer.fit(
        labelled.features[train], labelled.good[train], labelled.points[train], derive_seed(seed, "quality", "scorer")
    )
    fitted = None
    if len(calibration):
        fitted = fit_calibration(raw_scores(scorer, labelled.features[calibration]), labelled.good[calibration])
    if fitted is None:
        console.warn("quality: the calibration split cannot calibrate the scorer; its scores stay uncalibrated")
    return CalibratedScorer(embedder, scorer, fitted or Calibration())


def scorer_facts(scorer: CalibratedScorer, labelled: LabelledSample, threshold: float) -> dict[str, Any]:
    """Return measures of the scorer on the test split."""
    test = labelled.split("test")
    if not len(test):
        return {"documents": 0}
    features, good, points = labelled.features[test], labelled.good[test], labelled.points[test]
    probabilities = scorer.score(features)
    signs = features.signs.astype(np.float64)
    return {
        "documents": len(test),
        "packages": len({labelled.sample.packages[index] for index in test.tolist()}),
        "good": int(good.sum()),
        "at_half": decisions(probabilities >= 0.5, good),
        "at_threshold": decisions(probabilities >= threshold, good),
        "brier": rounded(brier(probabilities, good)),
        "brier_of_base_rate": rounded(brier(np.full(len(good), good.mean()), good)),
        **_ranking(probabilities, good, points),
        "reliability": reliability(probabilities, good),
        "baselines": {
            "length": _ranking(signs[:, LENGTH], good, points),
            "documented_share": _ranking(signs[:, DOCUMENTED], good, points),
        },
    }


def _ranking(scores: Floats, good: Truth, points: Floats) -> dict[str, float | None]:
    """Return measures of how well the scores rank the documents."""
    return {
        "average_precision": rounded(average_precision(scores, good)),
        "spearman_with_points": rounded(spearman(scores, points)),
    }


def label_facts(labelled: LabelledSample) -> dict[str, Any]:
    """Return label counts."""
    histogram = np.bincount([min(int(label.points * 2), 10) for label in labelled.labels], minlength=11)
    complaints = Counter(word for label in labelled.labels for word in label.why)
    splits = {name: labelled.good[labelled.split(name)] for name in SPLITS}
    return {
        "documents": len(labelled.labels),
        "good": int(labelled.good.sum()),
        "splits": {name: {"documents": len(good), "good": int(good.sum())} for name, good in splits.items()},
        "split_by_package": labelled.sample.by_package,
        "points_histogram": [{"from": index / 2, "documents": int(count)} for index, count in enumerate(histogram)],
        "complaints": dict(sorted(complaints.items(), key=lambda item: (-item[1], item[0]))),
        "dense_signs": len(SIGN_NAMES),
    }
