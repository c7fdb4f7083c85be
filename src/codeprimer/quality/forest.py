"""The built-in scorer: a random forest over reduced vectors and dense features.

It is fitted with scikit-learn, applied with NumPy and SciPy, and saved as arrays, so nothing is ever unpickled.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from codeprimer.core.plugins import PluginSettings
from codeprimer.embedders.embedder import Matrix
from codeprimer.quality.features import Features
from codeprimer.quality.scorer import Floats, Scorer
from codeprimer.quality.tree_arrays import TreeArrays, arrays_of

Single = npt.NDArray[np.float32]

_FILE = "forest.npz"


class ForestSettings(PluginSettings):
    """A random forest."""

    components: int = Field(
        default=48, ge=2, le=512, description="Number of dimensions to which a truncated SVD reduces wider vectors."
    )
    trees: int = Field(default=200, ge=10, le=2000, description="Number of trees.")
    min_leaf: int = Field(default=3, ge=1, description="Minimum number of sample documents in a leaf.")


@dataclass(frozen=True)
class Reduction:
    """Weights counts by inverse document frequency, and reduces wide vectors by a truncated SVD."""

    idf: Single | None
    """Inverse document frequencies [dim]; None if the vectors do not hold counts."""
    axes: Single | None
    """Right singular vectors [dim, components]; None if the vectors have at most that many dimensions."""

    @classmethod
    def fit(cls, vectors: Matrix, components: int, seed: int) -> Reduction:
        """Return the reduction fitted to these vectors."""
        idf = _inverse_frequencies(vectors) if _holds_counts(vectors) else None
        if vectors.shape[1] <= components:
            return cls(idf, None)
        from sklearn.decomposition import TruncatedSVD

        weighted = vectors if idf is None else weight_counts(vectors, idf)
        svd = TruncatedSVD(min(components, max(vectors.shape[0] - 1, 1)), n_iter=4, random_state=seed).fit(weighted)
        return cls(idf, np.ascontiguousarray(svd.components_.T, dtype=np.float32))

    def apply(self, vectors: Matrix) -> Single:
        """Return the reduced vectors [texts, components]."""
        if self.idf is not None:
            vectors = weight_counts(vectors, self.idf)
        if self.axes is not None:
            vectors = vectors @ self.axes
        return np.asarray(vectors if isinstance(vectors, np.ndarray) else vectors.toarray(), dtype=np.float32)


def weight_counts(counts: Any, idf: Single) -> Any:
    """Return ``(1 + log count) * idf`` with unit-length rows: scikit-learn's sublinear TF-IDF without importing it."""
    weighted = counts.copy()
    weighted.data = (1 + np.log(counts.data)) * idf[counts.indices]
    lengths = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    weighted.data /= np.repeat(np.maximum(lengths, 1e-12), np.diff(counts.indptr)).astype(np.float32)
    return weighted


def _holds_counts(vectors: Matrix) -> bool:
    """Return whether the vectors are a sparse matrix of positive integers."""
    return not isinstance(vectors, np.ndarray) and bool(((vectors.data >= 1) & (vectors.data % 1 == 0)).all())


def _inverse_frequencies(counts: Any) -> Single:
    documents = np.bincount(counts.indices, minlength=counts.shape[1])
    return np.asarray(np.log((1 + counts.shape[0]) / (1 + documents)) + 1, dtype=np.float32)


class ForestScorer(Scorer):
    """A random forest that predicts whether a document is good."""

    Settings = ForestSettings
    in_workers: ClassVar[bool] = True
    _reduction: Reduction
    _trees: TreeArrays

    def fit(self, features: Features, good: npt.NDArray[np.bool_], points: Floats, seed: int) -> None:
        """Fit the reduction and the trees on one thread, so that the result is bit-identical for any number of cores."""
        from sklearn.ensemble import RandomForestClassifier
        from threadpoolctl import threadpool_limits

        del points
        settings, seed = self.settings, seed % 2**32
        with threadpool_limits(1):
            self._reduction = Reduction.fit(features.vectors, settings.components, seed)
            classifier = RandomForestClassifier(
                n_estimators=settings.trees,
                # In a very small sample, a larger minimum leaf size would leave nothing to split.
                min_samples_leaf=min(settings.min_leaf, max(1, len(features) // 50)),
                max_features=0.15,
                class_weight="balanced",
                random_state=seed,
                n_jobs=1,
            ).fit(self._inputs(features), good)
        self._trees = arrays_of(classifier)

    def score(self, features: Features) -> Floats:
        """Return the mean fraction of good documents in the leaves that each document reaches."""
        return self._trees.predict(self._inputs(features))

    def _inputs(self, features: Features) -> Single:
        return np.concatenate([self._reduction.apply(features.vectors), features.signs], axis=1)

    def save(self, folder: Path) -> None:
        """Write ``forest.npz``."""
        parts = (self._reduction, self._trees)
        arrays = {field.name: getattr(part, field.name) for part in parts for field in fields(part)}
        given = {name: array for name, array in arrays.items() if array is not None}
        np.savez_compressed(folder / _FILE, allow_pickle=False, **given)

    def load(self, folder: Path) -> None:
        """Read ``forest.npz``."""
        with np.load(folder / _FILE, allow_pickle=False) as arrays:
            self._reduction = Reduction(arrays.get("idf"), arrays.get("axes"))
            self._trees = TreeArrays(**{field.name: arrays[field.name] for field in fields(TreeArrays)})

    def describe(self) -> dict[str, Any]:
        """Return the size of the forest and the reduction, for the report."""
        weighted = "log counts times inverse document frequency" if self._reduction.idf is not None else ""
        axes = self._reduction.axes
        reduced = "" if axes is None else f"reduced to {axes.shape[1]} dimensions by a truncated SVD"
        return {
            "inputs": ", ".join(filter(None, (weighted, reduced))),
            "model": f"a random forest of {len(self._trees.roots)} trees, {len(self._trees.feature):,} nodes",
        }
