"""One training run from its inputs to its artefact.

Reads the tokens, the exam, the start model and the held-out text; writes the artefact. Key idea: this module only assembles
parts that are tested on their own.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from codeprimer.core.artifact import Artifact, Workspace, make_once, to_json, write_atomically
from codeprimer.core.console import Console
from codeprimer.core.errors import UserError
from codeprimer.core.stage import Stats, Tools
from codeprimer.model.lora import AdaptedPhi, save_checkpoint, trainable
from codeprimer.model.phi import Phi
from codeprimer.model.tokenizer import Tokenizer
from codeprimer.training.batches import Batches
from codeprimer.training.beginning import first_model
from codeprimer.training.device import as_models_train
from codeprimer.training.exposure import count_seen, steps_taken, write_exposure
from codeprimer.training.heldout import BITS_PER_BYTE, LOSS, OpenHeldout, Watch
from codeprimer.training.loggers import Loggers
from codeprimer.training.loop import METRICS, Loop
from codeprimer.training.plan import Plan
from codeprimer.training.ranks import Ranks
from codeprimer.training.selection import Candidates, Score, criterion_of
from codeprimer.training.settings import TrainingSettings

SPEED_FILE = "speed.json"
PHASES = "phases"

_CURVE_POINTS = 200
_FINAL_STEPS = 20

Row = dict[str, Any]
"""A line of ``metrics.jsonl``."""


def train(
    settings: TrainingSettings,
    inputs: Mapping[str, Artifact],
    out: Workspace,
    tools: Tools,
    score: Score | None,
    heldout: OpenHeldout | None,
) -> Stats | None:
    """Train one model and write its artefact; see ``TrainingStage.run`` for the errors raised.

    With several ranks, only rank 0 writes; the others return None.
    """
    assert settings.precision != "auto", "the precision is decided before a run is named"
    tokenizer = Tokenizer.load(inputs["tokens"].path)
    plan = Plan(settings)
    is_watched = settings.heldout_every > 0 and heldout is not None
    _warn_of_unused(settings, score is not None, is_watched, tools.console)
    is_first = Ranks().is_first
    with as_models_train(settings):
        model = first_model(settings, inputs, tokenizer, tools.seed)
        batches = Batches(inputs["tokens"], plan, tools.seed)
        _warn_of_curricula(batches, tools.console)
        # The settings determine when to evaluate, for all ranks alike; only rank 0 measures the loss.
        measure = heldout(tokenizer, inputs["quality"], tools.seed) if heldout and is_watched and is_first else None
        watch = Watch(measure, settings.heldout_every if is_watched else 0, plan.total)
        criterion = criterion_of(score, measure if settings.selections > 1 else None)
        candidates = Candidates(out.work / "candidates", tokenizer, inputs["exam"], criterion)
        selections = plan.selections() if score or is_watched else [plan.total]

        kept = _Kept(plan, out, tokenizer, candidates, selections, is_first)
        loop = Loop(model, plan, batches, out.work, tools.console.warn, watch)
        loop.gone_back = kept.forget_after
        names = settings.loggers if is_first else ()
        with (
            Loggers(names, _log_folder(out, tools), loop.step + 1, tools.console.warn) as loop.loggers,
            tools.console.task(tools.step or "training", plan.total) as task,
        ):
            task.advance(loop.step)
            loop.run(kept.reached, task)
    return _publish(loop, batches, candidates, inputs["tokens"], out) if is_first else None


def _warn_of_unused(settings: TrainingSettings, is_scored: bool, is_watched: bool, console: Console) -> None:
    """Warn about settings that have no effect without a scorer or a held-out measurement."""
    if settings.heldout_every and not is_watched:
        console.warn("training.heldout_every is ignored: this stage cannot measure the loss on held-out code")
    if settings.selections > 1 and not is_scored and not is_watched:
        console.warn(
            "training.selections is ignored: nothing scores checkpoints, so the last one is published; "
            "set training.heldout_every to choose by the loss on held-out code"
        )


def _publish(loop: Loop, batches: Batches, candidates: Candidates, tokens: Artifact, out: Workspace) -> Stats:
    """Write the artefact's files and return its statistics."""
    selection = candidates.publish(out.path)
    _publish_rest(out, loop)
    metrics = [orjson.loads(line) for line in loop.metrics.read_bytes().splitlines()]
    skipped = {row["step"] - 1 for row in metrics if row.get("skipped")}
    taken = steps_taken(loop.plan, loop.guard.rollbacks, skipped)
    write_exposure(tokens, count_seen(batches, taken), out)
    return _stats(loop, batches, selection, metrics)


@dataclass(frozen=True)
class _Kept:
    """The checkpoints that a run keeps: one at the end of each phase, and the candidates for publication."""

    plan: Plan
    out: Workspace
    tokenizer: Tokenizer
    candidates: Candidates
    selections: Sequence[int]
    is_first: bool

    def reached(self, step: int, whole: Callable[[], Phi]) -> None:
        """Keep a checkpoint if one is due after ``step`` steps."""
        is_end = step in self.plan.ends and len(self.plan.ends) > 1
        if not (is_end or step in self.selections):
            return
        current = whole()
        if not self.is_first:
            return
        if is_end:
            folder = self._end_folder(self.plan.ends.index(step))
            make_once(folder, lambda temporary: save_checkpoint(temporary, current, self.tokenizer))
        if step in self.selections:
            self.candidates.consider(current, step, self.plan.tokens_after(step))

    def forget_after(self, step: int) -> None:
        """Remove the checkpoints of later steps after a rollback."""
        self.candidates.forget_after(step)
        for number, end in enumerate(self.plan.ends):
            if end > step:
                shutil.rmtree(self._end_folder(number), ignore_errors=True)

    def _end_folder(self, phase: int) -> Path:
        return self.out.work / PHASES / self.plan.settings.phases[phase].name


def _log_folder(out: Workspace, tools: Tools) -> Path:
    """Return the loggers' folder: one per artefact, the same for every attempt."""
    identity = out.path.name.rpartition("-")[2]
    return (tools.logs or out.work / "logs") / f"{tools.step or 'training'}-{identity}"


def _warn_of_curricula(batches: Batches, console: Console) -> None:
    for name, read in batches.unfinished_curricula():
        console.warn(
            f"training reads only the first {read:.0%} of {name} in curriculum order; give the phase more tokens or {name} a "
            f"larger weight in the mixture, or limit the set with tokens.limit_tokens.{name}"
        )


def _publish_rest(out: Workspace, loop: Loop) -> None:
    shutil.copyfile(loop.metrics, out.path / METRICS)
    if (out.work / PHASES).exists():
        shutil.copytree(out.work / PHASES, out.path / PHASES)
    write_atomically(out.path / SPEED_FILE, to_json(loop.pace.facts(loop.seconds)))


def _stats(loop: Loop, batches: Batches, selection: dict[str, Any], metrics: list[Row]) -> Stats:
    plan, settings = loop.plan, loop.plan.settings
    final = [row["loss"] for row in metrics if not row.get("skipped")][-_FINAL_STEPS:]
    if not final:
        raise UserError(
            f"training.precision: {settings.precision}: all {plan.total} steps had non-finite gradients, so nothing was "
            "learned; choose float32"
        )
    final_loss = sum(final) / len(final)
    tokens, parameters = plan.tokens_after(plan.total), loop.model.parameter_count()
    facts = {
        "parameters": parameters,
        "tokens": tokens,
        "steps": plan.total,
        "phases": _phases(plan),
        "epochs": batches.epochs(),
        "precision": settings.precision,
        "micro_sequences": loop.micro_sequences,
        "skipped_steps": loop.guard.skipped,
        "rollbacks": loop.guard.rollbacks,
        "final_loss": round(final_loss, 4),
        "loss_curve": loss_curve(metrics),
        "selection": selection,
    }
    if watched := heldout_curve(metrics):
        facts["heldout_curve"] = watched
    what = f"{parameters:,} parameters"
    if isinstance(loop.model, AdaptedPhi):
        trained = sum(weight.numel() for _, weight in trainable(loop.model))
        facts["adapter"] = {"parameters": trained, **settings.lora.model_dump(mode="json")}
        what = f"adapters of {trained:,} parameters on {what}"
    return Stats(f"{what}, {tokens:,} tokens, loss {final_loss:.3f}", facts)


def _phases(plan: Plan) -> list[dict[str, Any]]:
    return [
        {
            "name": phase.name,
            "mixture": phase.mixture,
            "optimizer": phase.optimizer,
            "peak_learning_rate": phase.peak_learning_rate,
            "end": end,
        }
        for phase, end in zip(plan.settings.phases, plan.ends, strict=True)
    ]


def loss_curve(metrics: list[Row], points: int = _CURVE_POINTS) -> list[dict[str, float]]:
    """Return the loss curve over tokens: at most ``points`` points, each the mean over consecutive steps."""
    metrics = [row for row in metrics if not row.get("skipped")]
    width = -(-len(metrics) // points)
    bins = [metrics[start : start + width] for start in range(0, len(metrics), width)]
    return [
        {
            "step": part[-1]["step"],
            "tokens": part[-1]["tokens"],
            "loss": round(sum(row["loss"] for row in part) / len(part), 4),
        }
        for part in bins
    ]


def heldout_curve(metrics: list[Row], points: int = _CURVE_POINTS) -> list[dict[str, float]]:
    """Return the held-out loss curve over tokens: at most ``points`` points, including the last one."""
    watched = [row for row in metrics if LOSS in row]
    width = -(-len(watched) // points) or 1
    return [
        {
            "step": row["step"],
            "tokens": row["tokens"],
            "loss": round(row[LOSS], 4),
            "bits_per_byte": round(row[BITS_PER_BYTE], 4),
        }
        for row in reversed(watched[::-1][::width])
        if row[LOSS] is not None  # NaN, which JSON cannot represent, is stored as null
    ]
