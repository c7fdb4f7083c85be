"""A training step in the form that is sent to another process.

Reads the step's inputs and writes its artefact. Key idea: processes that train together all receive the same job, and each uses
an equal part of the machine's cores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from codeprimer.core.artifact import Artifact, Workspace
from codeprimer.core.console import Console
from codeprimer.core.stage import Stats, Tools
from codeprimer.engines.local import local_engine
from codeprimer.training.settings import TrainingSettings

if TYPE_CHECKING:
    from codeprimer.training.heldout import OpenHeldout
    from codeprimer.training.selection import Score


@dataclass(frozen=True)
class Job:
    """Everything that a process needs to train one model."""

    settings: TrainingSettings
    inputs: Mapping[str, Artifact]
    out: Workspace
    seed: int
    step: str
    score: Score | None
    heldout: OpenHeldout | None
    logs: Path | None

    def tools(self, console: Console) -> Tools:
        """Return the tools for a process that reports to ``console``."""
        return Tools(local_engine(console, 1), console, self.seed, step=self.step, logs=self.logs)


def take_part(job: Job, tools: Tools, processes_here: int) -> Stats | None:
    """Train as one of several ranks, ``processes_here`` of which are on this machine, and wait for all ranks at the end."""
    import torch

    from codeprimer.training.device import threads_of
    from codeprimer.training.session import train

    settings = job.settings.model_copy(update={"threads": threads_of(job.settings, processes_here)})
    stats = train(settings, job.inputs, job.out, tools, job.score, job.heldout)
    torch.distributed.barrier()
    return stats
