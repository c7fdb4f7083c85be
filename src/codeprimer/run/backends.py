"""The model backend for a command's target: a run, a checkpoint, a file of answers or a URL."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from codeprimer.benchmarks.backends.backend import ModelBackend
from codeprimer.benchmarks.backends.endpoint import EndpointBackend, EndpointOptions, is_address
from codeprimer.benchmarks.backends.file import AnswerFile
from codeprimer.benchmarks.backends.opening import open_model
from codeprimer.core.console import Console
from codeprimer.core.errors import UserError
from codeprimer.core.extras import require_torch
from codeprimer.run.checkpoints import EVALUATIONS, find_checkpoint, is_run
from codeprimer.run.folder import STORE
from codeprimer.run.tools import TEACHERS

BackendName = Literal["auto", "codeprimer", "transformers", "endpoint"]
AUTO: BackendName = "auto"


@dataclass(frozen=True)
class Target:
    """The target that the command line names."""

    what: str
    model: str | None
    """One of a run's models, or the model's name on the server."""
    backend: BackendName = AUTO

    @property
    def path(self) -> Path:
        """The file or folder."""
        return Path(self.what)

    @property
    def is_address(self) -> bool:
        """Whether the target is a server."""
        return is_address(self.what)

    @property
    def is_file(self) -> bool:
        """Whether the target is a file of answers."""
        return not self.is_address and self.path.is_file()

    @property
    def is_run(self) -> bool:
        """Whether the target is a run's folder."""
        return not self.is_address and is_run(self.path)


@dataclass(frozen=True)
class OpenedTarget:
    """The backend of a target, the model's name, and the default output folder."""

    name: str
    output: Path | None
    """None if the target is in a store, which never changes."""
    backend: ModelBackend


def journal_folder(runs: Path) -> Path:
    """Return the folder of the journal, which contains servers' answers."""
    return runs / STORE / TEACHERS


def open_target(target: Target, on: str, endpoint: EndpointOptions, runs: Path, console: Console) -> OpenedTarget:
    """Return the backend that answers the benchmark ``on``.

    Raises UserError if the target does not exist, does not fit the requested backend, or cannot be loaded.
    """
    benchmark = Path(on).name.partition(".")[0]
    if target.is_address:
        return _at_address(target, benchmark, endpoint, runs, console)
    if target.backend == "endpoint":
        raise UserError(f"--backend endpoint: {target.what} is not a URL; a URL begins with http:// or https://")
    path = target.path
    if path.is_file():
        if target.backend != AUTO:
            raise UserError(f"--backend {target.backend}: {path} is a file of answers; omit --backend")
        return OpenedTarget(path.stem, path.with_name(f"{path.stem}-{benchmark}"), AnswerFile(path))
    if not path.is_dir():
        raise UserError(f"{path} does not exist; give a run, a checkpoint's folder, a file of answers or a URL")
    require_torch("answering with a model")
    found = find_checkpoint(path, target.model)
    output = found.evaluations and found.evaluations / f"{found.prefix}{benchmark}"
    return OpenedTarget(found.name, output, open_model(found.folder, target.backend))


def _at_address(
    target: Target, benchmark: str, endpoint: EndpointOptions, runs: Path, console: Console
) -> OpenedTarget:
    if target.backend not in (AUTO, "endpoint"):
        raise UserError(f"--backend {target.backend}: {target.what} is a URL; omit --backend, or give a checkpoint")
    if not target.model:
        raise UserError(f"{target.what}: give the model's name on the server with --model")
    name = "".join(c if c.isalnum() or c in "-_." else "-" for c in target.model).strip("-.") or "model"
    account = f"evaluate/{benchmark}"
    backend = EndpointBackend(target.what, target.model, endpoint, journal_folder(runs), account, console)
    return OpenedTarget(target.model, Path(EVALUATIONS) / f"{name}-{benchmark}", backend)
