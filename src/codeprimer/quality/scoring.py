"""Scores texts with a fitted, calibrated scorer: in the stage, in its workers, and from a finished artefact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from codeprimer.core.artifact import to_json
from codeprimer.core.errors import PluginError, RecipeError, StoreError
from codeprimer.core.plugins import Toolbox, make, selected
from codeprimer.embedders.embedder import Embedder
from codeprimer.quality.calibration import Calibration
from codeprimer.quality.features import SIGN_NAMES, Features, Signs, features_of
from codeprimer.quality.scorer import Floats, Scorer, raw_scores

RECORD = "scorer.json"
"""The embedder and scorer that produced the scores, with their settings, and the names of the dense features."""

CALIBRATION = "calibration.json"
MODEL = "scorer"
"""The folder that holds the scorer's own files."""


@dataclass(frozen=True)
class CalibratedScorer:
    """Everything that turns a text into the probability that it is worth learning from."""

    embedder: Embedder
    scorer: Scorer
    calibration: Calibration

    def score(self, features: Features) -> Floats:
        """Return the calibrated probability that each document is good [documents]."""
        return self.calibration.apply(raw_scores(self.scorer, features))

    def score_texts(self, texts: Sequence[str], signs: Signs | None = None) -> Floats:
        """Return the calibrated probability that each text is good [texts].

        ``signs`` are the texts' dense features, if already known.
        """
        if not texts:
            return np.empty(0, dtype=np.float64)
        return self.score(features_of(texts, self.embedder, signs))

    @property
    def in_workers(self) -> bool:
        """Whether worker processes may open the scorer; otherwise it runs in the parent process."""
        return self.embedder.in_workers and self.scorer.in_workers

    def save(self, folder: Path) -> None:
        """Write the scorer, its calibration and a record of its plug-ins into an artefact's folder."""
        record = {
            "embedder": self.embedder.settings.model_dump(mode="json"),
            "scorer": self.scorer.settings.model_dump(mode="json"),
            "signs": list(SIGN_NAMES),
        }
        (folder / RECORD).write_bytes(to_json(record))
        (folder / CALIBRATION).write_bytes(to_json(asdict(self.calibration)))
        (folder / MODEL).mkdir()
        self.scorer.save(folder / MODEL)


def open_scorer(folder: Path, toolbox: Toolbox | None = None) -> CalibratedScorer:
    """Return the scorer in a quality artefact's folder; ``toolbox`` holds the tools that its plug-ins may need.

    Raises StoreError if the folder holds no scorer or a different codeprimer version wrote it. Raises PluginError if one of
    its plug-ins is not installed or needs a tool that is missing.
    """
    try:
        record = orjson.loads((folder / RECORD).read_bytes())
        calibration = Calibration(**orjson.loads((folder / CALIBRATION).read_bytes()))
    except (OSError, ValueError) as error:
        raise StoreError(f"{folder}: cannot read a scorer ({error}); pass the folder of a quality artefact") from None
    if tuple(record["signs"]) != SIGN_NAMES:
        raise StoreError(f"{folder}: a different version of codeprimer wrote this scorer; run the quality stage again")
    embedder: Embedder = _made("embedder", record, folder, toolbox)
    scorer: Scorer = _made("scorer", record, folder, toolbox)
    scorer.load(folder / MODEL)
    return CalibratedScorer(embedder, scorer, calibration)


def _made(role: str, record: Mapping[str, Any], folder: Path, toolbox: Toolbox | None) -> Any:
    try:
        settings = selected(role, **record[role])
    except RecipeError as error:
        raise PluginError(f"{folder / RECORD}: {role}: {error}") from None
    return make(role, settings, toolbox)
