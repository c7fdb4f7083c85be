"""The scorer interface: a scorer learns from labelled documents and scores all others."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from codeprimer.core.errors import PluginError
from codeprimer.core.plugins import Plugin
from codeprimer.quality.features import Features

Floats = npt.NDArray[np.float64]


class Scorer(Plugin):
    """Learns from labelled documents, then scores documents: ``fit`` or ``load`` is called before ``score``.

    An instance is created whenever ids are computed, so do not load large models in ``__init__``.
    """

    role: ClassVar[str] = "scorer"

    @abstractmethod
    def fit(self, features: Features, good: npt.NDArray[np.bool_], points: Floats, seed: int) -> None:
        """Learn from documents, their binary labels and their points [0-5]; equal seeds must give equal scorers."""

    @abstractmethod
    def score(self, features: Features) -> Floats:
        """Return a score between 0 and 1 for each document [documents]; the stage calibrates the scores."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the fitted scorer into an empty folder, without pickle; equal scorers must write equal bytes."""

    @abstractmethod
    def load(self, folder: Path) -> None:
        """Read what ``save`` wrote."""

    def describe(self) -> dict[str, Any]:
        """Return facts about the fitted scorer for the report.

        ``model`` is a phrase that names the model. ``inputs``, if given, is a phrase that says how it transforms vectors.
        """
        return {"model": f"the scorer {self.settings.kind}"}


def raw_scores(scorer: Scorer, features: Features) -> Floats:
    """Return uncalibrated scores [documents]. Raises PluginError if the scorer violates its interface."""
    scores = np.asarray(scorer.score(features))
    if scores.shape != (len(features),):
        fault = f"an array of shape {scores.shape} for {len(features)} documents"
    elif not ((scores >= 0) & (scores <= 1)).all():
        fault = "scores outside 0-1"
    else:
        return scores.astype(np.float64)
    raise PluginError(
        f"scorer {scorer.settings.kind!r} ({type(scorer).__module__}) returned {fault}; score must return one number between "
        "0 and 1 per document"
    )
