"""The training stage: the same loop for base, tuned and control.

Writes a checkpoint in Hugging Face layout, ``metrics.jsonl``, ``selection.json``, the table ``exposure``, and with
several phases ``phases/<name>/``, the checkpoint at each phase's end. Of adapters each checkpoint has merged weights, and
the adapters themselves in ``adapter/``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

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
    from codeprimer.training.heldout import OpenHeldout


ScoreInTier = Callable[..., float]
"""Scores a model (tier of the sandbox, model, tokenizer, exam artefact); higher is better."""


def _validation_score(*arguments: Any) -> float:
    from codeprimer.benchmarks.validation import validation_score

    return validation_score(*arguments)


def _open_heldout(*arguments: Any) -> Callable[[Any], tuple[float, float]]:
    from codeprimer.benchmarks.heldout import open_heldout

    return open_heldout(*arguments)


class TrainingStage(Stage[TrainingSettings]):
    """Packed tokens in, a trained model out."""

    name = "training"
    number = 70
    version = 7
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
        """Set ``start`` to begin with the input "start", ``adapter`` to go on with the adapters of the input "adapter".

        ``score`` chooses among checkpoints. ``heldout`` measures the model on text of the input "quality" while it trains,
        and chooses where there is no score; without either the last checkpoint is taken.
        """
        more = {"start": start, "adapter": adapter, "quality": heldout is not None}
        self.reads = ("tokens", "exam", *(name for name, is_read in more.items() if is_read))
        self.runs_programs = score is not None
        self._score = score
        self._heldout = heldout

    @classmethod
    def steps(cls, settings: TrainingSection, recipe: Sections, earlier: Sequence[Step]) -> Iterator[Step]:
        """Yield the three models: the control, base, and tuned, which goes on from base."""
        heldout = _open_heldout if settings.heldout_every else None
        start = recipe.section("start") is not None
        first = cls(start, heldout=heldout)
        continues = {"adapter": "base"} if settings.lora.rank else {"start": "base"}
        second = cls(True, _validation_score, heldout, "adapter" in continues)
        inputs = {name: name for name in first.reads}
        yield Step(70, "control", first, settings.control_settings(), inputs)
        yield Step(71, "base", first, settings.base_settings(), inputs)
        yield Step(72, "tuned", second, settings.tuned_settings(), {name: name for name in second.reads} | continues)

    @classmethod
    def contradictions(cls, settings: TrainingSection, recipe: Sections) -> Iterator[str]:
        """Yield what contradicts itself in the section, or between it and the rest of the recipe."""
        return contradictions(settings, recipe)

    @property
    def scores(self) -> bool:
        """Whether checkpoints are scored on the way."""
        return self.runs_programs

    def cores(self, settings: TrainingSettings) -> int | None:
        """Return the threads of the loop: two models of one thread each learn faster than one model on two.

        On a GPU and under torchrun a model has everything, and compiled layers draw from the one generator of the process.
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
        """Train, choose, publish.

        Raises MissingExtraError without torch or a logger's package, RecipeError for settings that do not fit the inputs,
        UserError when training diverges.
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
        assert stats is not None, "a process that is alone is the first"
        return stats
