"""A scorer that measures how much closer a document is to the mean good document than to the mean of all others."""

from pathlib import Path

import numpy as np
from pydantic import Field

from codeprimer.api import Features, PluginSettings, Scorer


class CentroidSettings(PluginSettings):
    """How steep the score function is."""

    steepness: float = Field(default=50.0, gt=0, description="A larger value makes scores more extreme.")


class CentroidScorer(Scorer):
    """Compares distances to two centroids."""

    Settings = CentroidSettings
    in_workers = True

    def fit(self, features: Features, good: np.ndarray, points: np.ndarray, seed: int) -> None:
        """Learn from labelled documents' vectors, from whether they are good, and from their points (0-5)."""
        self._centroids = np.stack([features.vectors[chosen].mean(axis=0) for chosen in (~good, good)])

    def score(self, features: Features) -> np.ndarray:
        """Return one score (0-1) per document; scores are calibrated afterwards."""
        other, good = (np.linalg.norm(features.vectors - centroid, axis=1) for centroid in self._centroids)
        return np.asarray(1 / (1 + np.exp(self.settings.steepness * (good - other))))

    def save(self, folder: Path) -> None:
        """Write the learnt centroids, without pickle."""
        np.save(folder / "centroids.npy", self._centroids)

    def load(self, folder: Path) -> None:
        """Read the files that ``save`` wrote."""
        self._centroids = np.load(folder / "centroids.npy", allow_pickle=False)
