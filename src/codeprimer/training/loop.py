"""The training loop.

Reads batches, trains a model, and saves states in its work folder. Key idea: after each step, the weights, the optimizer state,
the step number, the guard and the loss scale describe the run completely; each step's random numbers are seeded with its
number.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import torch
import xxhash
from torch import Tensor

from codeprimer.core.console import StoppedError, Task
from codeprimer.core.errors import RecipeError, UserError
from codeprimer.core.interrupts import DeferredInterrupt, defer_interrupts
from codeprimer.core.seeds import derive_seed
from codeprimer.model.forward import ForwardOptions
from codeprimer.model.lora import trainable
from codeprimer.model.phi import Phi
from codeprimer.training.batches import Batches
from codeprimer.training.device import DTYPES, compile_layers, compiles, device_of
from codeprimer.training.guard import Guard
from codeprimer.training.heldout import Watch
from codeprimer.training.loggers import Loggers
from codeprimer.training.optimizer import Optimizer
from codeprimer.training.pace import Pace
from codeprimer.training.plan import Plan, StepPosition
from codeprimer.training.ranks import Ranks
from codeprimer.training.scaling import LossScale
from codeprimer.training.sharding import defer_reduction, is_needed, is_sharded, like, shard, whole_model, whole_parts
from codeprimer.training.state import STATES, Progress, States

Reached = Callable[[int, Callable[[], Phi]], None]
"""Called after each step with the number of steps done and a function that gathers the float32 model; either all ranks call
this function, or none does."""

Warn = Callable[[str], None]

METRICS = "metrics.jsonl"


class Loop:
    """Trains a model as planned; resumes from the newest saved state."""

    def __init__(self, model: Phi, plan: Plan, batches: Batches, work: Path, warn: Warn, watch: Watch) -> None:
        """``warn`` is called for recoverable problems; ``watch`` evaluates the model at intervals."""
        settings = plan.settings
        self._device = device_of(settings, Ranks().on_this_machine)
        self._ranks = Ranks(self._device)
        self._dtype = DTYPES[settings.precision]
        self._warn = warn
        self._watch = watch
        self.plan = plan
        self.model = model.train().to(self._device)
        self._shard_model()
        self.step = 0
        self.seconds = 0.0
        self.guard = Guard()
        self.scale = LossScale.of(settings.precision)
        self.metrics = work / METRICS
        self._batches = batches
        self.pace = Pace(plan, self.model, self._ranks)
        self.loggers: Loggers | None = None
        self._states = States(work / STATES, warn)
        self.gone_back: Callable[[int], None] = lambda step: None
        """Called on rank 0 after a rollback, with the step that the run went back to."""
        self.micro_sequences = settings.micro_sequences
        self._optimizer: Optimizer | None = None
        self._saved_step = -1
        self._is_taken = True
        """Whether the last step changed the weights; if it did not, no state is saved."""
        self._is_reported = True
        """Whether the last step's callback has returned; if it has not, no state is saved."""
        self._resume()

    def run(self, reached: Reached, task: Task) -> None:
        """Train to the end of the plan; an interrupt takes effect at the end of a step, and the state is saved.

        Raises UserError if training diverges repeatedly.
        """
        with defer_interrupts() as interrupt:
            try:
                while self.step < self.plan.total:
                    self._advance(reached, task)
                    if self._ranks.any_of(interrupt.is_pending):
                        self._stop(interrupt)
            except StoppedError:
                if not is_sharded(self.model):  # saving a sharded model needs all ranks
                    self._save()
                self._states.wait()
                raise
            self._states.wait()

    def _advance(self, reached: Reached, task: Task) -> None:
        """Take one step, and roll back if the guard demands it."""
        started = time.monotonic()
        position = self.plan.position(self.step)
        facts = self._train_step(position)
        self._is_taken = "skipped" not in facts
        self.step += 1
        self.seconds += time.monotonic() - started
        if self.guard.in_a_row >= self.plan.settings.skips:
            self._roll_back(position)
            return
        facts |= self._watch.look(self.step, self._whole_model)
        self._write_metrics(facts)
        self._is_reported = False
        reached(self.step, self._whole_model)
        self._is_reported = True
        if self.step % self.plan.settings.checkpoint_every == 0 or self.step == self.plan.total:
            self._save()
        line = self.pace.after(self.step, facts["loss"], self.seconds)
        if self.loggers is not None:
            self.loggers.write(facts, self.pace.tokens_per_second, self.pace.utilization)
        task.advance(1, f"{line}{self._watch.note}")

    def _stop(self, interrupt: DeferredInterrupt) -> None:
        self._save()
        self._states.wait()
        if interrupt.is_pending:
            interrupt.deliver()
        raise StoppedError("another rank was interrupted")

    def _train_step(self, position: StepPosition) -> dict[str, Any]:
        if self._optimizer is None or position.step == 0:
            self._optimizer = self._new_optimizer(position)
            self.guard.begin_phase()
        loss = self._gradients(self._optimizer)
        norm = self._optimizer.norm()
        facts: dict[str, Any] = {
            "step": self.step + 1,
            "phase": position.phase.name,
            "tokens": self.plan.tokens_after(self.step + 1),
            "loss": float(loss),
            "lr": position.learning_rate,
            "grad_norm": float(norm),
        }
        if self.scale.overflowed(facts["grad_norm"]):
            self.guard.skipped += 1
            self._optimizer.clear()
            return facts | {"skipped": True}
        if self.guard.takes(facts["grad_norm"], facts["loss"], self.plan.settings.spike_factor):
            self._optimizer.step(position.learning_rate, norm)
            return facts
        self._optimizer.clear()
        return facts | {"skipped": True}

    def _gradients(self, optimizer: Optimizer) -> Tensor:
        """Compute the gradients of a step's batch, summed over all ranks, and return the batch's loss."""
        batch = self._batches.batch(self.step, self.guard.jumped)
        ids_BS = torch.from_numpy(batch.ids).to(self._device)
        loss_weights_BT = torch.from_numpy(batch.loss_weights)[:, 1:]
        loss_weights_BT = (loss_weights_BT / loss_weights_BT.sum() * self.scale.factor).to(self._device)
        while True:
            try:
                loss = self._accumulate(optimizer, ids_BS, loss_weights_BT)
                break
            except (RuntimeError, MemoryError) as error:
                self._use_less_memory(error, optimizer, len(ids_BS))
        self._ranks.add_up([loss] if is_sharded(self.model) else [*optimizer.gradients, loss])
        optimizer.divide(self.scale.factor)
        return loss / self.scale.factor

    def _accumulate(self, optimizer: Optimizer, ids_BS: Tensor, loss_weights_BT: Tensor) -> Tensor:
        total = torch.zeros((), device=self._device)
        parts = self._parts(len(ids_BS))
        for number, part in enumerate(parts):
            defer_reduction(optimizer.working, number < len(parts) - 1)
            # A rank without rows computes one row with weight 0, because all ranks must take part in the all-reduce.
            taken = part if part.start < part.stop else slice(0, 1)
            ids_MS, loss_weights_MT = ids_BS[taken], loss_weights_BT[taken] * float(taken is part)
            loss = optimizer.working.loss(
                ids_MS[:, :-1], ids_MS[:, 1:], loss_weights_MT, self._forward_options(part.start)
            )
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimizer.collect()
            total += loss.detach()
        return total

    def _parts(self, sequences: int) -> list[slice]:
        """Return this rank's micro-batches as slices of the batch; every rank has the same number of micro-batches."""
        rows = self._ranks.rows_here(sequences)
        micro = self.micro_sequences or sequences
        most = -(-sequences // self._ranks.count)
        starts = range(rows.start, rows.start + most, min(micro, most))
        return [slice(min(start, rows.stop), min(start + micro, rows.stop)) for start in starts]

    def _forward_options(self, row: int) -> ForwardOptions:
        """Return the options of this step's forward pass over the micro-batch that begins at ``row``."""
        settings = self.plan.settings
        random = None
        if settings.attention_dropout or settings.residual_dropout or settings.lora.dropout:
            seed = derive_seed(self._batches.seed, "dropout", self.step, self.guard.jumped, row)
            # Compiled layers and a GPU's fused attention use torch's global generator.
            if compiles(settings) or self._device.type == "cuda":
                torch.manual_seed(seed)
            else:
                random = torch.Generator(self._device).manual_seed(seed)
        rates = settings.attention_dropout, settings.residual_dropout
        return ForwardOptions(*rates, settings.separate_documents, random, settings.lora.dropout)

    def _use_less_memory(self, error: Exception, optimizer: Optimizer, sequences: int) -> None:
        """Halve the micro-batch after an out-of-memory error.

        Re-raises any other error; raises UserError if the micro-batch cannot be halved.
        """
        if not _is_out_of_memory(error):
            raise error
        micro = min(self.micro_sequences or sequences, sequences)
        if self._ranks.count > 1:
            raise UserError(
                f"out of memory in one of {self._ranks.count} processes; lower training.micro_sequences "
                f"({self.micro_sequences or 'now 0, no accumulation'}) and run again"
            ) from error
        if micro == 1:
            raise UserError(
                "out of memory at micro-batch 1; use a smaller model, a shorter context or a machine with more memory"
            ) from error
        optimizer.clear()
        self.micro_sequences = (micro + 1) // 2
        self._warn(
            f"out of memory at micro-batch {micro} in step {self.step + 1}; continuing with {self.micro_sequences} "
            f"(training.micro_sequences: {self.micro_sequences} avoids the retry)"
        )

    def _roll_back(self, position: StepPosition) -> None:
        """Restore the newest state and skip the data after it. Raises UserError if there is no state or there were too many
        rollbacks."""
        where = f"in phase {position.phase.name!r}"
        what = (
            f"{self.guard.in_a_row} consecutive steps up to step {self.step} had non-finite or far too large gradients"
        )
        remedy = f"lower peak_learning_rate ({position.phase.peak_learning_rate:g}) or raise warmup_steps"
        state = self._newest_state()
        if state is None or len(self.guard.rollbacks) >= self.plan.settings.rollbacks:
            times = f" after {len(self.guard.rollbacks)} rollbacks" if self.guard.rollbacks else ""
            raise UserError(f"training diverged {where}{times}: {what}; {remedy}")
        from_step, before = self.step, self.guard
        self._restore(*state)
        self.guard.went_back(before, from_step, self.step)
        if self._ranks.is_first:
            self.gone_back(self.step)
        self._warn(
            f"rollback from step {from_step} to {self.step} {where}, skipping the data in between: {what}; if it "
            f"happens again, {remedy}"
        )

    def _write_metrics(self, facts: dict[str, Any]) -> None:
        if self._ranks.is_first:
            with self.metrics.open("ab") as metrics:
                metrics.write(orjson.dumps(facts, option=orjson.OPT_APPEND_NEWLINE))

    def _shard_model(self) -> None:
        """Shard the model over the ranks if requested or necessary. Raises RecipeError if that is impossible."""
        settings = self.plan.settings
        is_wanted = settings.sharded
        if is_wanted is None:
            is_wanted = not settings.lora.rank and is_needed(self.model.parameter_count(), self._device)
        if is_wanted and self._ranks.count == 1:
            self._warn("training.sharded has no effect with a single process")
        if not is_wanted or self._ranks.count == 1:
            return
        if settings.lora.rank:
            raise RecipeError("training.sharded: with adapters, the frozen weights cannot be sharded; remove it")
        for phase in settings.phases:
            if phase.optimizer == "muon":
                raise RecipeError(
                    f"training.sharded: phase {phase.name!r} uses muon, which needs whole matrices; set optimizer: adamw"
                )
        shard(self.model, self._dtype, self._device)

    def _whole_model(self) -> Phi:
        return whole_model(self.model, self._ranks.is_first)

    def _new_optimizer(self, position: StepPosition) -> Optimizer:
        optimizer = Optimizer(self.model, position.phase, self._dtype)
        if compiles(self.plan.settings) and (optimizer.working is not self.model or self._optimizer is None):
            compile_layers(optimizer.working)
        if position.phase.keeps_optimizer and self._optimizer is not None:
            optimizer.take_over(self._optimizer)
        return optimizer

    def _save(self) -> None:
        """Save the state, unless it has been saved, the last step was skipped, or its callback has not returned."""
        if self._saved_step == self.step or not (self._is_taken and self._is_reported):
            return
        self._saved_step = self.step
        if self._ranks.is_first:
            self._states.save(self._progress(), whole_parts(self._tensors()))
        elif is_sharded(self.model):
            for _ in whole_parts(self._tensors()):
                pass  # rank 0 gathers them

    def _progress(self) -> Progress:
        with self.metrics.open("rb") as metrics:
            os.fsync(metrics.fileno())
            size = os.fstat(metrics.fileno()).st_size
        digest = self._metrics_digest(size)
        return Progress(
            self.step, size, digest, self.seconds, self.micro_sequences, asdict(self.guard), asdict(self.scale)
        )

    def _metrics_digest(self, size: int) -> str:
        """Return the digest of the first ``size`` bytes of the metrics."""
        content = self.metrics.read_bytes()[:size] if self.metrics.exists() else b""
        return xxhash.xxh3_128_hexdigest(content)

    def _tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Yield the tensors of the state, in the same order on every rank."""
        assert self._optimizer is not None
        for name, tensor in trainable(self.model):
            yield f"model.{name}", tensor
        yield from self._optimizer.state().items()

    def _resume(self) -> None:
        """Restore the newest saved state if there is one; metrics written after it are discarded."""
        state = self._newest_state()
        if state is not None:
            self._restore(*state)
        elif self._ranks.is_first:
            self.metrics.write_bytes(b"")

    def _newest_state(self) -> tuple[Progress, dict[str, Tensor]] | None:
        """Return the newest valid state, as determined by rank 0, which writes the states."""
        with defer_interrupts():  # the reader would turn a signal into one of its own errors
            state = self._states.load(self._check) if self._ranks.is_first else None
            step = self._ranks.broadcast(-1 if state is None else state[0].step)
            if step >= 0 and state is None:
                state = self._states.read(step)
            self._ranks.wait()
        return state

    def _check(self, progress: Progress, tensors: dict[str, Tensor]) -> None:
        """Raise ValueError, KeyError or TypeError if this run did not save the state."""
        Guard(**progress.guard)
        LossScale(**progress.scale)
        for name, parameter in trainable(self.model):
            if tensors[f"model.{name}"].shape != parameter.shape:
                raise ValueError(f"{name} has a different shape")
        if self._metrics_digest(progress.metrics_bytes) != progress.metrics_digest:
            raise ValueError(f"{METRICS} does not match the state")

    def _restore(self, progress: Progress, tensors: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in trainable(self.model):
                parameter.copy_(like(tensors[f"model.{name}"], parameter))
        self.step, self.seconds, self.micro_sequences = progress.step, progress.seconds, progress.micro_sequences
        self.guard, self.scale = Guard(**progress.guard), LossScale(**progress.scale)
        self._saved_step = self.step
        if self._ranks.is_first:
            with self.metrics.open("rb+") as metrics:
                metrics.truncate(progress.metrics_bytes)
        self._optimizer, self._is_taken = None, True
        if self.step == self.plan.total:
            return
        position = self.plan.position(self.step)
        if position.step or position.phase.keeps_optimizer:
            self._optimizer = self._new_optimizer(position)
            self._optimizer.load(tensors)


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return "can't allocate memory" in str(error) or "not enough memory" in str(error)
