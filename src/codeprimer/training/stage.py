"""The training stage: one loop for the control, base and tuned models.

Writes a checkpoint in Hugging Face layout, ``metrics.jsonl``, ``selection.json``, the ``exposure`` table and, if there are
several phases, ``phases/<name>/`` with the checkpoint at the end of each phase. With adapters, a checkpoint has merged weights,
and ``adapter/`` holds the adapters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from codeprimer.core.artifact import Artifact, Workspace
from codeprimer.core.extras import require_torch
from codeprimer.core.stage import Sections, Stage, Stats, Step, Tools
from codeprimer.reporting.blocks import Chapter
from codeprimer.reporting.facts import Facts
from codeprimer.sandbox import Tier
from codeprimer.training.job import Job
from codeprimer.training.launched import is_launched, train_launched
from codeprimer.training.loggers import require_loggers
from codeprimer.training.section import TrainingSection, contradictions
from codeprimer.training.settings import TrainingSettings

if TYPE_CHECKING:
    from codeprimer.model.phi import Phi
    from codeprimer.model.tokenizer import Tokenizer
    from codeprimer.training.heldout import Measure, OpenHeldout

ScoreInTier = Callable[[Tier, "Phi", "Tokenizer", Artifact], float]
"""Scores a model on the exam artefact's validation problems in a sandbox tier; higher is better."""


def _validation_score(tier: Tier, model: Phi, tokenizer: Tokenizer, exam: Artifact) -> float:
    from codeprimer.benchmarks.validation import validation_score  # imports torch

    return validation_score(tier, model, tokenizer, exam)


def _open_heldout(tokenizer: Tokenizer, quality: Artifact, seed: int) -> Measure:
    from codeprimer.benchmarks.heldout import open_heldout  # imports torch

    return open_heldout(tokenizer, quality, seed)


class TrainingStage(Stage[TrainingSettings]):
    """Trains a model on packed tokens."""

    name = "training"
    number = 70
    version = 8
    Settings = TrainingSection
    needs_torch = True
    volatile = ("speed.json",)

    def __init__(
        self,
        start: bool = False,
        score: ScoreInTier | None = None,
        heldout: OpenHeldout | None = None,
        adapter: bool = False,
    ) -> None:
        """``start``: train from the "start" input; ``adapter``: continue with the adapters of the "adapter" input.

        ``score`` chooses among checkpoints; ``heldout`` measures the model on text from the "quality" input during training,
        and chooses if there is no ``score``. Without either, the last checkpoint is published.
        """
        optional = {"start": start, "adapter": adapter, "quality": heldout is not None}
        self.reads = ("tokens", "exam", *(name for name, is_read in optional.items() if is_read))
        self.runs_programs = score is not None
        self._score = score
        self._heldout = heldout

    @classmethod
    def steps(cls, settings: TrainingSection, recipe: Sections, earlier: Sequence[Step]) -> Iterator[Step]:
        """Yield the steps that train the three models: control, base, and tuned, which continues from base."""
        heldout = _open_heldout if settings.heldout_every else None
        start = recipe.section("start") is not None
        has_adapters = settings.lora.rank > 0
        pretraining = cls(start, heldout=heldout)
        tuning = cls(True, _validation_score, heldout, has_adapters)
        inputs = {name: name for name in pretraining.reads}
        from_base = {name: name for name in tuning.reads} | {"adapter" if has_adapters else "start": "base"}
        yield Step(70, "control", pretraining, settings.control_settings(), inputs)
        yield Step(71, "base", pretraining, settings.base_settings(), inputs)
        yield Step(72, "tuned", tuning, settings.tuned_settings(), from_base)

    @classmethod
    def contradictions(cls, settings: TrainingSection, recipe: Sections) -> Iterator[str]:
        """Yield contradictions within the section, and between the section and the rest of the recipe."""
        return contradictions(settings, recipe)

    def cores(self, settings: TrainingSettings) -> int | None:
        """Return the number of training threads, so that models can train in parallel; None if the step needs the whole
        machine.

        It needs the whole machine on a GPU, under torchrun, and with compiled layers, which use the process's global random
        generator.
        """
        if settings.device == "cuda" or settings.compiled or is_launched():
            return None
        return settings.threads * settings.processes or None

    @classmethod
    def chapter(cls, facts: Facts, examples: int) -> Chapter:
        """Return the report's chapter on the three models."""
        from codeprimer.training.chapter import training_chapter

        return training_chapter(facts)

    def run(self, settings: TrainingSettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        """Train a model, choose a checkpoint and publish it.

        Raises MissingExtraError without torch or a logger's package, RecipeError if settings and inputs do not match, and
        UserError if training diverges.
        """
        require_torch("training")
        require_loggers(settings.loggers)
        score = None if self._score is None else partial(self._score, Tier[tools.tier])
        job = Job(settings, inputs, out, tools.seed, tools.step, score, self._heldout, tools.logs)
        if is_launched():
            return train_launched(job, tools)
        if settings.processes > 1:
            from codeprimer.training.together import train_together

            return train_together(job, tools)
        from codeprimer.training.session import train

        stats = train(settings, inputs, out, tools, score, self._heldout)
        assert stats is not None, "a single process is rank 0"
        return stats
