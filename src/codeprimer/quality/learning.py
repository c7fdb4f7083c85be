"""From labels to a scorer and the evidence of how good it is."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from codeprimer.core.console import Console
from codeprimer.core.seeds import derive_seed
from codeprimer.quality.calibration import fit_calibration
from codeprimer.quality.features import DENSE_NAMES, DOCUMENTED, LENGTH
from codeprimer.quality.judging import Judged
from codeprimer.quality.metrics import average_precision, brier, decisions, reliability, spearman
from codeprimer.quality.scorer import Scorer, calibrated, fit_scorer
from codeprimer.quality.settings import QualitySettings


def learn(judged: Judged, settings: QualitySettings, seed: int, console: Console) -> Scorer:
    """Fit the scorer on the train part and calibrate it on the calibration part."""
    train, calibration = judged.part("train"), judged.part("calibration")
    scorer = fit_scorer(
        judged.features(train), judged.good[train], settings.scorer, derive_seed(seed, "quality", "scorer")
    )
    fitted = fit_calibration(scorer.shares(judged.features(calibration)), judged.good[calibration])
    if fitted is None:
        console.warn("quality: the calibration documents cannot calibrate the scorer; scores are the forest's shares")
        return scorer
    return calibrated(scorer, fitted)


def evidence(scorer: Scorer, judged: Judged, threshold: float) -> dict[str, Any]:
    """Return how good the scorer is on the test part: packages that it has not seen."""
    places = judged.part("test")
    if not len(places):
        return {"documents": 0}
    found, good, points = judged.features(places), judged.good[places], judged.points(places)
    probabilities = scorer.score(found)
    dense = np.stack([one.dense for one in found]).astype(np.float64)
    return {
        "documents": len(places),
        "packages": len({judged.sample.packages[place] for place in places.tolist()}),
        "good": int(good.sum()),
        "at_half": _rounded(decisions(probabilities >= 0.5, good)),
        "at_threshold": _rounded(decisions(probabilities >= threshold, good)),
        "average_precision": _round(average_precision(probabilities, good)),
        "brier": _round(brier(probabilities, good)),
        "brier_of_base_rate": _round(brier(np.full(len(good), good.mean()), good)),
        "spearman_with_points": _round(spearman(probabilities, points)),
        "reliability": reliability(probabilities, good),
        "baselines": {
            "length": _baseline(dense[:, LENGTH], good, points),
            "documented_share": _baseline(dense[:, DOCUMENTED], good, points),
        },
    }


def labels_facts(judged: Judged) -> dict[str, Any]:
    """Return what the annotator found."""
    histogram = np.bincount([min(int(label.points * 2), 10) for label in judged.labels], minlength=11)
    complaints = Counter(word for label in judged.labels for word in label.why)
    return {
        "documents": len(judged.labels),
        "good": int(judged.good.sum()),
        "parts": {
            name: {"documents": len(judged.part(name)), "good": int(judged.good[judged.part(name)].sum())}
            for name in ("train", "calibration", "test")
        },
        "split_by_package": judged.sample.by_package,
        "points_histogram": [{"from": index / 2, "documents": int(count)} for index, count in enumerate(histogram)],
        "complaints": dict(sorted(complaints.items(), key=lambda item: (-item[1], item[0]))),
        "dense_signs": len(DENSE_NAMES),
    }


def _baseline(
    scores: npt.NDArray[np.float64], good: npt.NDArray[np.bool_], points: npt.NDArray[np.float64]
) -> dict[str, Any]:
    return {
        "average_precision": _round(average_precision(scores, good)),
        "spearman_with_points": _round(spearman(scores, points)),
    }


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _rounded(values: dict[str, float | None]) -> dict[str, float | None]:
    return {name: _round(value) for name, value in values.items()}
