"""The checkpoint that a path on the command line refers to: a run's model, an artefact, or a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from codeprimer.core.artifact import MANIFEST
from codeprimer.core.documents import MODELS
from codeprimer.core.errors import UserError
from codeprimer.model.config import CONFIG_FILE
from codeprimer.run.folder import NOT_THERE, RECIPE, open_run, step_name

DEFAULT_MODEL = "tuned"
"""The default model of a run, used unless another one is named."""

EVALUATIONS = "evaluations"
"""The folder with evaluations, next to the evaluated model."""


@dataclass(frozen=True)
class Checkpoint:
    """A model on disk."""

    name: str
    folder: Path
    evaluations: Path | None
    """Where its evaluations are written by default; None if the model is in a store, which never changes."""
    prefix: str = ""
    """The prefix of its evaluations' names."""


def is_run(path: Path) -> bool:
    """Return whether a path is a run's folder."""
    return (path / RECIPE).is_file()


def check_model(name: str) -> None:
    """Raise UserError if runs do not have a model with that name."""
    if name not in MODELS:
        raise UserError(f"--model {name}: a run's models are {', '.join(MODELS)}; choose one of them")


def find_checkpoint(path: Path, model: str | None) -> Checkpoint:
    """Return the checkpoint at a path; ``model`` selects one of a run's models, and is ignored otherwise.

    Raises UserError if there is no checkpoint.
    """
    if is_run(path):
        name = model or DEFAULT_MODEL
        check_model(name)
        return Checkpoint(name, open_run(path).artifact(name).path, path / EVALUATIONS, f"{name}-")
    if not (path / CONFIG_FILE).is_file():
        fault = f"is neither a run (it has no {RECIPE}) nor a checkpoint (it has no {CONFIG_FILE})"
        raise UserError(f"{path} {fault if path.exists() else NOT_THERE}; give the folder of a run or of a checkpoint")
    if not (path / MANIFEST).is_file():
        return Checkpoint(path.resolve().name, path, path / EVALUATIONS)
    # An artefact in a store never changes, so its evaluations go into the run's folder.
    name = step_name(path.name)
    return Checkpoint(name, path, path.parent / EVALUATIONS if is_run(path.parent) else None, f"{name}-")
