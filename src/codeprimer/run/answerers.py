"""Who answers: what a command names, and the backend that makes it answer.

Reads a run, a checkpoint, a file of answers or an address. One idea: what is named says who answers, and a backend that
is asked for by name is used or refused, never replaced.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from codeprimer.benchmarks.answering import Answerer, AnswerFile
from codeprimer.benchmarks.endpoint import EndpointAnswerer, Reach, is_address
from codeprimer.benchmarks.opening import open_model
from codeprimer.core.artifact import MANIFEST
from codeprimer.core.console import Console
from codeprimer.core.errors import UserError
from codeprimer.core.extras import require_torch
from codeprimer.run.complete import DEFAULT_MODEL, MODELS
from codeprimer.run.folder import RECIPE, STORE, open_run, step_name
from codeprimer.run.tools import TEACHERS

Backend = Literal["auto", "codeprimer", "transformers", "endpoint"]
AUTO: Backend = "auto"

EVALUATIONS = "evaluations"
"""The folder, beside what is evaluated, that holds its evaluations."""


@dataclass(frozen=True)
class Named:
    """What was named on the command line."""

    what: str
    model: str | None
    """One of a run's models, or the name that a server knows it by."""
    backend: Backend = AUTO

    @property
    def path(self) -> Path:
        """The file or folder."""
        return Path(self.what)

    @property
    def is_address(self) -> bool:
        """Whether it is a server."""
        return is_address(self.what)

    @property
    def is_file(self) -> bool:
        """Whether it is a file of answers."""
        return not self.is_address and self.path.is_file()


@dataclass(frozen=True)
class Found:
    """Who answers, under which name, and where the evaluation is written by default."""

    name: str
    output: Path | None
    """None where it lies in a store, to which nothing is added."""
    answerer: Answerer


def journal_folder(runs: Path) -> Path:
    """Return where the answers of servers are kept."""
    return runs / STORE / TEACHERS


def find_answerer(named: Named, on: str, reach: Reach, runs: Path, console: Console) -> Found:
    """Return who answers the benchmark ``on``.

    Raises UserError for what is not there, is not of the backend that was asked for, or cannot be loaded.
    """
    benchmark = Path(on).name.partition(".")[0]
    if named.is_address:
        return _at_address(named, benchmark, reach, runs, console)
    if named.backend == "endpoint":
        raise UserError(f"--backend endpoint: {named.what} is no address; it begins with http:// or https://")
    path = named.path
    if path.is_file():
        if named.backend != AUTO:
            raise UserError(
                f"--backend {named.backend}: {path} is a file of answers, which no model makes; leave it out"
            )
        return Found(path.stem, path.with_name(f"{path.stem}-{benchmark}"), AnswerFile(path))
    if not path.is_dir():
        raise UserError(
            f"{path} does not exist; give a run, the folder of a checkpoint, a file of answers or an address"
        )
    require_torch("answering with a model")
    name, output, folder = _checkpoint(named, benchmark)
    return Found(name, output, open_model(folder, named.backend))


def _at_address(named: Named, benchmark: str, reach: Reach, runs: Path, console: Console) -> Found:
    if named.backend not in (AUTO, "endpoint"):
        raise UserError(f"--backend {named.backend}: {named.what} is an address; leave it out, or give a checkpoint")
    if not named.model:
        raise UserError(f"{named.what}: give the name that the server knows the model by with --model")
    name = "".join(c if c.isalnum() or c in "-_." else "-" for c in named.model).strip("-.") or "model"
    account = f"evaluate/{benchmark}"
    answerer = EndpointAnswerer(named.what, named.model, reach, journal_folder(runs), account, console)
    return Found(named.model, Path(EVALUATIONS) / f"{name}-{benchmark}", answerer)


def _checkpoint(named: Named, benchmark: str) -> tuple[str, Path | None, Path]:
    """Return the name of what is evaluated, the folder to write by default, and the checkpoint's."""
    what = named.path
    if (what / RECIPE).is_file():
        model = named.model or DEFAULT_MODEL
        if model not in MODELS:
            raise UserError(f"--model {model}: a run has {', '.join(MODELS)}; choose one of them")
        return model, what / EVALUATIONS / f"{model}-{benchmark}", open_run(what).artifact(model).path
    if not (what / MANIFEST).is_file():
        return what.resolve().name, what / EVALUATIONS / benchmark, what
    # An artefact in a store never changes, so what is said of it lies elsewhere.
    name = step_name(what.name)
    beside = what.parent / EVALUATIONS / f"{name}-{benchmark}" if (what.parent / RECIPE).is_file() else None
    return name, beside, what
