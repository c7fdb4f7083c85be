"""Choose the checkpoint that is published.

Keeps candidates in the work folder. Its one idea: each candidate is written as it would be published, read back and
scored once; the best is chosen, of equals the later, and never by anything but the validation problems.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from codeprimer.core.artifact import Artifact, make_once, to_json, write_atomically
from codeprimer.model.checkpoint import load, save_model
from codeprimer.model.phi import Phi
from codeprimer.model.tokenizer import Tokenizer

Score = Callable[[Phi, Tokenizer, Artifact], float]
"""Scores a model on the exam artefact's validation problems; higher is better."""

SELECTION_FILE = "selection.json"
_CANDIDATE_FILE = "candidate.json"


@dataclass(frozen=True)
class Candidate:
    """A checkpoint that may be published."""

    step: int
    tokens: int
    score: float | None
    """None where nothing scores it; then it is the only one."""


class Candidates:
    """The candidates of one run."""

    def __init__(self, folder: Path, tokenizer: Tokenizer, exam: Artifact, score: Score | None) -> None:
        self._folder, self._tokenizer, self._exam, self._score = folder, tokenizer, exam, score
        folder.mkdir(parents=True, exist_ok=True)

    def consider(self, model: Phi, step: int, tokens: int) -> Candidate:
        """Keep and score a checkpoint, unless an earlier attempt has done so."""

        def make(folder: Path) -> None:
            save_model(folder, model, self._tokenizer)
            score = self._score(load(folder)[0], self._tokenizer, self._exam) if self._score else None
            write_atomically(folder / _CANDIDATE_FILE, to_json(asdict(Candidate(step, tokens, score))))

        return _read(make_once(self._folder / f"{step:08d}", make))

    def publish(self, target: Path) -> dict[str, object]:
        """Copy the best candidate into ``target``, write ``selection.json`` and return its content."""
        candidates = [_read(folder) for folder in sorted(self._folder.glob("*")) if folder.name.isdigit()]
        best = max(candidates, key=lambda candidate: (candidate.score or 0.0, candidate.step))
        for path in sorted((self._folder / f"{best.step:08d}").iterdir()):
            if path.name != _CANDIDATE_FILE:
                shutil.copyfile(path, target / path.name)
        selection: dict[str, object] = {
            "criterion": "validation problems" if self._score else "the last checkpoint",
            "candidates": [asdict(candidate) for candidate in candidates],
            "published_step": best.step,
        }
        write_atomically(target / SELECTION_FILE, to_json(selection))
        return selection


def _read(folder: Path) -> Candidate:
    return Candidate(**orjson.loads((folder / _CANDIDATE_FILE).read_bytes()))
