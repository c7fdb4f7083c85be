"""A scorer: how much closer a document is to the mean of the good ones than to the mean of the others."""

from pathlib import Path

import numpy as np
from pydantic import Field

from codeprimer.api import Features, PluginSettings, Scorer


class CentroidSettings(PluginSettings):
    """How steep the score is."""

    steepness: float = Field(default=50.0, gt=0, description="A larger value makes scores more extreme.")


class CentroidScorer(Scorer):
    """Compares distances to two centroids."""

    Settings = CentroidSettings
    in_workers = True

    def fit(self, features: Features, good: np.ndarray, points: np.ndarray, seed: int) -> None:
        """Learn from labelled documents: their vectors, whether they are good, and their points [0-5]."""
        self._centroids = np.stack([features.vectors[chosen].mean(axis=0) for chosen in (~good, good)])

    def score(self, features: Features) -> np.ndarray:
        """Return one score of 0-1 per document; it is calibrated afterwards."""
        other, good = (np.linalg.norm(features.vectors - centroid, axis=1) for centroid in self._centroids)
        return np.asarray(1 / (1 + np.exp(self.settings.steepness * (good - other))))

    def save(self, folder: Path) -> None:
        """Write what was learnt, without pickle."""
        np.save(folder / "centroids.npy", self._centroids)

    def load(self, folder: Path) -> None:
        """Read what ``save`` wrote."""
        self._centroids = np.load(folder / "centroids.npy", allow_pickle=False)
