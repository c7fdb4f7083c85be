"""Choose the checkpoint to publish.

Keeps candidates in the work folder. Key idea: each candidate is written as it would be published, read back and scored once: on
validation problems if a scorer is given, otherwise by held-out loss, never on the exam. The best candidate is published; ties
go to the later one.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
import torch

from codeprimer.core.artifact import Artifact, make_once, to_json, write_atomically
from codeprimer.core.errors import StoreError
from codeprimer.model.checkpoint import load
from codeprimer.model.lora import save_checkpoint
from codeprimer.model.phi import Phi
from codeprimer.model.tokenizer import Tokenizer
from codeprimer.training.heldout import Measure

Score = Callable[[Phi, Tokenizer, Artifact], float]
"""Scores a model on the exam artefact's validation problems; higher is better."""

VALIDATION, HELDOUT, LAST = "validation problems", "held-out loss", "the last checkpoint"
"""The criteria; with held-out loss, the score is the negative loss [nats/token]."""


@dataclass(frozen=True)
class Criterion:
    """The criterion by which a checkpoint is chosen."""

    name: str
    score: Score | None
    """None if the last checkpoint is published."""


def criterion_of(score: Score | None, measure: Measure | None) -> Criterion:
    """Return the criterion: validation problems, otherwise held-out loss, otherwise the last checkpoint."""
    if score is not None:
        return Criterion(VALIDATION, score)
    if measure is not None:
        return Criterion(HELDOUT, lambda model, tokenizer, exam: -measure(model)[0])
    return Criterion(LAST, None)


SELECTION_FILE = "selection.json"
_CANDIDATE_FILE = "candidate.json"


@dataclass(frozen=True)
class Candidate:
    """A checkpoint that may be published."""

    step: int
    tokens: int
    score: float | None
    """None if there is no criterion, or if the loss is not finite."""


class Candidates:
    """The candidates of one run."""

    def __init__(self, folder: Path, tokenizer: Tokenizer, exam: Artifact, criterion: Criterion) -> None:
        self._folder, self._tokenizer, self._exam, self._criterion = folder, tokenizer, exam, criterion
        folder.mkdir(parents=True, exist_ok=True)

    def consider(self, model: Phi, step: int, tokens: int) -> Candidate:
        """Keep and score a checkpoint, unless an earlier attempt has done so."""

        def make(folder: Path) -> None:
            save_checkpoint(folder, model, self._tokenizer)
            scorer = self._criterion.score
            score = scorer(_ready(folder), self._tokenizer, self._exam) if scorer else None
            write_atomically(folder / _CANDIDATE_FILE, to_json(asdict(Candidate(step, tokens, score))))

        folder = self._folder / f"{step:08d}"
        if folder.exists() and _read(folder) is None:
            shutil.rmtree(folder)  # damaged
        candidate = _read(make_once(folder, make))
        assert candidate is not None
        return candidate

    def forget_after(self, step: int) -> None:
        """Remove the checkpoints of later steps after a rollback."""
        for folder in self._folder.glob("*"):
            if folder.name.isdigit() and int(folder.name) > step:
                shutil.rmtree(folder)

    def publish(self, target: Path) -> dict[str, object]:
        """Copy the best candidate into ``target``, write ``selection.json`` and return its content."""
        candidates = []
        for folder in sorted(path for path in self._folder.glob("*") if path.name.isdigit()):
            if (candidate := _read(folder)) is None:
                raise StoreError(f"{folder / _CANDIDATE_FILE} is damaged; remove {self._folder.parent} and run again")
            candidates.append(candidate)
        best = max(candidates, key=lambda one: (-math.inf if one.score is None else one.score, one.step))
        for path in sorted((self._folder / f"{best.step:08d}").iterdir()):
            if path.is_dir():
                shutil.copytree(path, target / path.name)
            elif path.name != _CANDIDATE_FILE:
                shutil.copyfile(path, target / path.name)
        selection: dict[str, object] = {
            "criterion": self._criterion.name,
            "candidates": [asdict(candidate) for candidate in candidates],
            "published_step": best.step,
        }
        write_atomically(target / SELECTION_FILE, to_json(selection))
        return selection


def _ready(folder: Path) -> Phi:
    """Load the model in a folder, onto the GPU if there is one."""
    model, _ = load(folder)
    return model.to("cuda") if torch.cuda.is_available() else model


def _read(folder: Path) -> Candidate | None:
    """Return the record of a candidate; None if it is damaged."""
    try:
        return Candidate(**orjson.loads((folder / _CANDIDATE_FILE).read_bytes()))
    except (OSError, orjson.JSONDecodeError, TypeError):
        return None
