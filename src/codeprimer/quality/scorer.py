"""The scorer: features, reduced and judged by a forest, calibrated; fitted with scikit-learn, applied with NumPy.

It is saved as ``scorer.npz`` (arrays) and ``scorer.json`` (the rest), so anybody can score their own files with it, and
nothing is ever unpickled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from codeprimer.core.artifact import to_json
from codeprimer.quality.calibration import Calibration
from codeprimer.quality.features import DENSE_NAMES, TextFeatures, look
from codeprimer.quality.forest import Forest, forest_of
from codeprimer.quality.settings import ScorerSettings

Floats = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]

SCORER_ARRAYS = "scorer.npz"
SCORER_FACTS = "scorer.json"


@dataclass(frozen=True)
class Scorer:
    """Everything that turns a text into a probability."""

    bucket_bits: int
    weights: Single
    """Inverse document frequency of every bucket."""
    axes: Single
    """The directions [buckets, components] that hashed counts are reduced to."""
    forest: Forest
    calibration: Calibration

    def score(self, found: Sequence[TextFeatures]) -> Floats:
        """Return the calibrated probability that each text, of which ``found`` are the features, is worth learning."""
        return self.calibration.apply(self.shares(found))

    def score_texts(self, texts: Sequence[str]) -> Floats:
        """Return the calibrated probability that each text is worth learning from."""
        return self.score([look(text, self.bucket_bits) for text in texts])

    def shares(self, found: Sequence[TextFeatures]) -> Floats:
        """Return the forest's uncalibrated judgement of texts that were looked at."""
        if not found:
            return np.empty(0, dtype=np.float64)
        return self.forest.predict(np.stack([reduce(one, self.weights, self.axes) for one in found]))

    def save(self, folder: Path) -> None:
        """Write ``scorer.npz`` and ``scorer.json``."""
        arrays = {"weights": self.weights, "axes": self.axes}
        arrays |= {f"forest_{name}": getattr(self.forest, name) for name in _forest_arrays()}
        np.savez_compressed(folder / SCORER_ARRAYS, allow_pickle=False, **arrays)
        facts = {
            "bucket_bits": self.bucket_bits,
            "dense": list(DENSE_NAMES),
            "depth": self.forest.depth,
            "slope": self.calibration.slope,
            "shift": self.calibration.shift,
        }
        (folder / SCORER_FACTS).write_bytes(to_json(facts))


def load_scorer(folder: Path) -> Scorer:
    """Return a saved scorer."""
    facts = orjson.loads((folder / SCORER_FACTS).read_bytes())
    assert tuple(facts["dense"]) == DENSE_NAMES, "the scorer was made by another version"
    with np.load(folder / SCORER_ARRAYS, allow_pickle=False) as arrays:
        forest = Forest(depth=facts["depth"], **{name: arrays[f"forest_{name}"] for name in _forest_arrays()})
        calibration = Calibration(facts["slope"], facts["shift"])
        return Scorer(facts["bucket_bits"], arrays["weights"], arrays["axes"], forest, calibration)


def _forest_arrays() -> list[str]:
    return [field.name for field in fields(Forest) if field.name != "depth"]


def term_weights(found: TextFeatures, weights: Single) -> Single:
    """Return a text's weighted counts, of unit length: ``(1 + log count) * idf``."""
    values = (1 + np.log(found.counts)) * weights[found.buckets]
    return np.asarray(values / max(float(np.sqrt((values**2).sum())), 1e-12), dtype=np.float32)


def reduce(found: TextFeatures, weights: Single, axes: Single) -> Single:
    """Return what the forest sees: the reduced counts, then the dense signs."""
    reduced = term_weights(found, weights) @ axes[found.buckets]
    return np.concatenate([reduced, found.dense]).astype(np.float32)


def fit_scorer(
    found: Sequence[TextFeatures], good: npt.NDArray[np.bool_], settings: ScorerSettings, seed: int
) -> Scorer:
    """Return a scorer that learned from labelled texts; not calibrated yet.

    Runs on one thread, so that the same sample gives the same bytes on any number of cores.
    """
    from sklearn.ensemble import RandomForestClassifier
    from threadpoolctl import threadpool_limits

    buckets = 1 << settings.bucket_bits
    with threadpool_limits(1):
        weights = _inverse_frequencies(found, buckets)
        axes = _fit_axes(found, weights, settings, seed)
        inputs = np.stack([reduce(one, weights, axes) for one in found])
        classifier = RandomForestClassifier(
            n_estimators=settings.trees,
            # Leaves of several documents would leave nothing to split in a very small sample.
            min_samples_leaf=min(settings.min_leaf, max(1, len(found) // 50)),
            max_features=0.15,
            class_weight="balanced",
            random_state=seed % 2**32,
            n_jobs=1,
        ).fit(inputs, good)
    return Scorer(settings.bucket_bits, weights, axes, forest_of(classifier), Calibration())


def calibrated(scorer: Scorer, calibration: Calibration) -> Scorer:
    """Return the scorer with a calibration."""
    return replace(scorer, calibration=calibration)


def _inverse_frequencies(found: Sequence[TextFeatures], buckets: int) -> Single:
    seen = np.zeros(buckets, dtype=np.float64)
    for one in found:
        seen[one.buckets] += 1
    return np.asarray(np.log((1 + len(found)) / (1 + seen)) + 1, dtype=np.float32)


def _fit_axes(found: Sequence[TextFeatures], weights: Single, settings: ScorerSettings, seed: int) -> Single:
    """Return the leading right singular vectors of the weighted counts (TruncatedSVD), as columns."""
    from scipy.sparse import csr_matrix
    from sklearn.decomposition import TruncatedSVD

    starts = np.cumsum([0, *(len(one.buckets) for one in found)])
    counts: Any = csr_matrix(
        (
            np.concatenate([term_weights(one, weights) for one in found]),
            np.concatenate([one.buckets for one in found]),
            starts,
        ),
        shape=(len(found), len(weights)),
    )
    components = min(settings.components, len(found) - 1)
    reduction = TruncatedSVD(components, n_iter=4, random_state=seed % 2**32).fit(counts)
    return np.ascontiguousarray(reduction.components_.T, dtype=np.float32)
