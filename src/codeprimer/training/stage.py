"""The training stage: the same loop for base, tuned and control.

Writes a checkpoint in Hugging Face layout, ``metrics.jsonl``, ``selection.json``, the table ``exposure``, and with
several phases ``phases/<name>/``, the checkpoint at each phase's end. Of adapters each checkpoint has merged weights, and
the adapters themselves in ``adapter/``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from codeprimer.core.artifact import Artifact, Workspace
from codeprimer.core.extras import require_torch
from codeprimer.core.stage import Stage, Stats, Tools
from codeprimer.training.job import Job
from codeprimer.training.launched import is_launched, train_launched
from codeprimer.training.loggers import require_loggers
from codeprimer.training.settings import TrainingSettings

if TYPE_CHECKING:
    from codeprimer.training.heldout import OpenHeldout
    from codeprimer.training.selection import Score


class TrainingStage(Stage[TrainingSettings]):
    """Packed tokens in, a trained model out."""

    name = "training"
    version = 6
    volatile = ("speed.json",)

    def __init__(
        self, start: bool, score: Score | None, heldout: OpenHeldout | None = None, adapter: bool = False
    ) -> None:
        """Set ``start`` to begin with the input "start", ``adapter`` to go on with the adapters of the input "adapter".

        ``score`` chooses among checkpoints. ``heldout`` measures the model on text of the input "quality" while it trains,
        and chooses where there is no score; without either the last checkpoint is taken.
        """
        more = {"start": start, "adapter": adapter, "quality": heldout is not None}
        self.reads = ("tokens", "exam", *(name for name, is_read in more.items() if is_read))
        self._score = score
        self._heldout = heldout

    @property
    def scores(self) -> bool:
        """Whether checkpoints are scored on the way."""
        return self._score is not None

    def cores(self, settings: TrainingSettings) -> int | None:
        """Return the threads of the loop: two models of one thread each learn faster than one model on two.

        On a GPU and under torchrun a model has everything, and compiled layers draw from the one generator of the process.
        """
        if settings.device == "cuda" or settings.compiled or is_launched():
            return None
        return settings.threads * settings.processes or None

    def run(self, settings: TrainingSettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        """Train, choose, publish.

        Raises MissingExtraError without torch or a logger's package, RecipeError for settings that do not fit the inputs,
        UserError when training diverges.
        """
        require_torch("training")
        require_loggers(settings.loggers)
        job = Job(settings, inputs, out, tools.seed, tools.step, self._score, self._heldout, tools.logs)
        if is_launched():
            return train_launched(job, tools)
        if settings.processes > 1:
            from codeprimer.training.together import train_together

            return train_together(job, tools)
        from codeprimer.training.session import train

        stats = train(settings, inputs, out, tools, self._score, self._heldout)
        assert stats is not None, "a process that is alone is the first"
        return stats
