"""The training loop.

Reads batches, changes a model, and keeps in its work folder what a later attempt needs. Its one idea: after each step
the run is described by the weights, the optimiser's averages, the number of the step and what the norms of gradients have
said, and by nothing else; what is drawn at random in a step follows from its number.
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
from codeprimer.model.lora import trainable
from codeprimer.model.phi import Phi
from codeprimer.model.regime import Regime
from codeprimer.training.batches import Batches
from codeprimer.training.device import DTYPES, compile_layers, compiles, device_of
from codeprimer.training.guard import Guard
from codeprimer.training.heldout import Watch
from codeprimer.training.loggers import Loggers
from codeprimer.training.optimiser import Optimiser
from codeprimer.training.pace import Pace
from codeprimer.training.plan import Place, Plan
from codeprimer.training.ranks import Ranks
from codeprimer.training.scaling import LossScale
from codeprimer.training.sharding import add_up_later, is_needed, is_shared, like, shard, whole_model, whole_parts
from codeprimer.training.state import STATES, Position, States

Reached = Callable[[int, Callable[[], Phi]], None]
"""Is told after each step how many are done, and how to get at the float32 model; all ranks ask for it, or none."""

Warn = Callable[[str], None]

METRICS = "metrics.jsonl"


class Loop:
    """One run of the plan on a model, from wherever an earlier attempt stopped."""

    def __init__(self, model: Phi, plan: Plan, batches: Batches, work: Path, warn: Warn, watch: Watch) -> None:
        """``warn`` is told what went wrong and was borne; what ``watch`` sees is noted."""
        settings = plan.settings
        self._device = device_of(settings, Ranks().on_this_machine)
        self._ranks = Ranks(self._device)
        self._dtype = DTYPES[settings.precision]
        self._warn = warn
        self._watch = watch
        self.plan = plan
        self.model = model.train().to(self._device)
        self._share_model()
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
        """Is told, on the first rank, to which step the run has gone back."""
        self.micro_sequences = settings.micro_sequences
        self._optimiser: Optimiser | None = None
        self._saved_step = -1
        self._is_taken = True
        """Whether the last step changed the weights; what a step that did not leaves behind is not saved."""
        self._is_told = True
        """Whether whoever wants to know of the last step has dealt with it; a state is saved only then."""
        self._continue()

    def run(self, reached: Reached, task: Task) -> None:
        """Train to the end of the plan; an interrupt is obeyed after a step, and what was done is saved.

        Raises UserError when the run diverges again and again.
        """
        with defer_interrupts() as interrupt:
            try:
                while self.step < self.plan.total:
                    self._advance(reached, task)
                    if self._ranks.any_of(interrupt.is_pending):
                        self._stop(interrupt)
            except StoppedError:
                if not is_shared(self.model):  # else all ranks would have to have come here
                    self._save()
                self._states.wait()
                raise
            self._states.wait()

    def _advance(self, reached: Reached, task: Task) -> None:
        """Take one step, or go back."""
        started = time.monotonic()
        place = self.plan.place(self.step)
        facts = self._train_step(place)
        self._is_taken = "skipped" not in facts
        self.step += 1
        self.seconds += time.monotonic() - started
        if self.guard.in_a_row >= self.plan.settings.skips:
            self._go_back(place)
            return
        facts |= self._watch.look(self.step, self._whole_model)
        self._note(facts)
        self._is_told = False
        reached(self.step, self._whole_model)
        self._is_told = True
        if self.step % self.plan.settings.checkpoint_every == 0 or self.step == self.plan.total:
            self._save()
        told = self.pace.after(self.step, facts["loss"], self.seconds)
        if self.loggers is not None:
            self.loggers.write(facts, self.pace.tokens_per_second, self.pace.share)
        task.advance(1, f"{told}{self._watch.note}")

    def _stop(self, interrupt: DeferredInterrupt) -> None:
        self._save()
        self._states.wait()
        if interrupt.is_pending:
            interrupt.deliver()
        raise StoppedError("another rank was interrupted")

    def _train_step(self, place: Place) -> dict[str, Any]:
        if self._optimiser is None or place.step == 0:
            self._optimiser = self._new_optimiser(place)
            self.guard.begin_phase()
        loss = self._gradients(self._optimiser)
        norm = self._optimiser.norm()
        facts: dict[str, Any] = {
            "step": self.step + 1,
            "phase": place.phase.name,
            "tokens": self.plan.tokens_after(self.step + 1),
            "loss": float(loss),
            "lr": place.learning_rate,
            "grad_norm": float(norm),
        }
        if self.scale.overflowed(facts["grad_norm"]):
            self.guard.skipped += 1
            self._optimiser.clear()
            return facts | {"skipped": True}
        if self.guard.takes(facts["grad_norm"], facts["loss"], self.plan.settings.spike_factor):
            self._optimiser.step(place.learning_rate, norm)
            return facts
        self._optimiser.clear()
        return facts | {"skipped": True}

    def _gradients(self, optimiser: Optimiser) -> Tensor:
        """Leave the gradients of a step's batch at the optimiser, and return its loss."""
        batch = self._batches.batch(self.step, self.guard.jumped)
        ids_BS = torch.from_numpy(batch.ids).to(self._device)
        shares_BT = torch.from_numpy(batch.shares)[:, 1:]
        shares_BT = (shares_BT / shares_BT.sum() * self.scale.factor).to(self._device)
        while True:
            try:
                loss = self._accumulate(optimiser, ids_BS, shares_BT)
                break
            except (RuntimeError, MemoryError) as error:
                self._use_less_memory(error, optimiser, len(ids_BS))
        self._ranks.add_up([loss] if is_shared(self.model) else [*optimiser.gradients, loss])
        optimiser.divide(self.scale.factor)
        return loss / self.scale.factor

    def _accumulate(self, optimiser: Optimiser, ids_BS: Tensor, shares_BT: Tensor) -> Tensor:
        total = torch.zeros((), device=self._device)
        parts = self._parts(len(ids_BS))
        for number, part in enumerate(parts):
            add_up_later(optimiser.working, number < len(parts) - 1)
            # A rank without rows of its own computes one that does not count: all have to take part in sums.
            taken = part if part.start < part.stop else slice(0, 1)
            ids_MS, shares_MT = ids_BS[taken], shares_BT[taken] * float(taken is part)
            loss = optimiser.working.loss(ids_MS[:, :-1], ids_MS[:, 1:], shares_MT, self._regime(part.start))
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimiser.collect()
            total += loss.detach()
        return total

    def _parts(self, sequences: int) -> list[slice]:
        """Return the rows of a step's batch that this rank computes at a time; equally many parts on every rank."""
        rows = self._ranks.share(sequences)
        micro = self.micro_sequences or sequences
        most = -(-sequences // self._ranks.count)
        starts = range(rows.start, rows.start + most, min(micro, most))
        return [slice(min(start, rows.stop), min(start + micro, rows.stop)) for start in starts]

    def _regime(self, row: int) -> Regime:
        """Return how the rows from this one on are passed through the model in this step."""
        settings = self.plan.settings
        random = None
        if settings.attention_dropout or settings.residual_dropout or settings.lora.dropout:
            seed = derive_seed(self._batches.seed, "dropout", self.step, self.guard.jumped, row)
            # Compiled layers and a GPU's fused attention can draw from torch's own generator only.
            if compiles(settings) or self._device.type == "cuda":
                torch.manual_seed(seed)
            else:
                random = torch.Generator(self._device).manual_seed(seed)
        shares = settings.attention_dropout, settings.residual_dropout
        return Regime(*shares, settings.separate_documents, random, settings.lora.dropout)

    def _use_less_memory(self, error: Exception, optimiser: Optimiser, sequences: int) -> None:
        """Halve what is computed at a time, where that is why a step failed.

        Raises the error where it is not, UserError where it cannot be halved.
        """
        if not _is_out_of_memory(error):
            raise error
        micro = min(self.micro_sequences or sequences, sequences)
        if self._ranks.count > 1:
            raise UserError(
                f"memory does not suffice in one of {self._ranks.count} processes, which would all have to compute less at a "
                f"time; lower training.micro_sequences ({self.micro_sequences or 'all of a process at once'}) and run again"
            ) from error
        if micro == 1:
            raise UserError(
                "memory does not suffice for one sequence at a time; take a smaller model or context, or a larger machine"
            ) from error
        optimiser.clear()
        self.micro_sequences = (micro + 1) // 2
        self._warn(
            f"memory does not suffice for {micro} sequences at a time; from step {self.step + 1} on {self.micro_sequences} are "
            f"computed at a time (training.micro_sequences: {self.micro_sequences} says so from the start)"
        )

    def _go_back(self, place: Place) -> None:
        """Take up the newest state again, and leave out the data that led away from it."""
        where = f"in phase {place.phase.name!r}"
        what = f"the gradient was no number or far too large in {self.guard.in_a_row} steps in a row, up to step {self.step}"
        remedy = f"lower peak_learning_rate ({place.phase.peak_learning_rate:g}) or raise warmup_steps"
        state = self._newest_state()
        if state is None or len(self.guard.rollbacks) >= self.plan.settings.rollbacks:
            times = f", after going back {len(self.guard.rollbacks)} times" if self.guard.rollbacks else ""
            raise UserError(f"training diverged {where}{times}: {what}; {remedy}")
        went, now = self.step, self.guard
        self._take_up(*state)
        self.guard.went_back(now, went, self.step)
        if self._ranks.is_first:
            self.gone_back(self.step)
        self._warn(
            f"training goes back from step {went} to {self.step} {where} and leaves out the data between: {what}; if that "
            f"happens again, {remedy}"
        )

    def _note(self, facts: dict[str, Any]) -> None:
        if self._ranks.is_first:
            with self.metrics.open("ab") as metrics:
                metrics.write(orjson.dumps(facts, option=orjson.OPT_APPEND_NEWLINE))

    def _share_model(self) -> None:
        """Share the model among the ranks, where that is wanted or needed. Raises RecipeError where it cannot be."""
        settings = self.plan.settings
        is_wanted = settings.sharded
        if is_wanted is None:
            is_wanted = not settings.lora.rank and is_needed(self.model.parameter_count(), self._device)
        if is_wanted and self._ranks.count == 1:
            self._warn("training.sharded is ignored: the one process that trains has everything")
        if not is_wanted or self._ranks.count == 1:
            return
        if settings.lora.rank:
            raise RecipeError(
                "training.sharded: weights that stay as they are, beside adapters, are not shared; leave it out"
            )
        for phase in settings.phases:
            if phase.optimiser == "muon":
                raise RecipeError(
                    f"training.sharded: phase {phase.name!r} is trained by muon, which needs whole matrices; choose adamw"
                )
        shard(self.model, self._dtype, self._device)

    def _whole_model(self) -> Phi:
        return whole_model(self.model, self._ranks.is_first)

    def _new_optimiser(self, place: Place) -> Optimiser:
        optimiser = Optimiser(self.model, place.phase, self._dtype)
        if compiles(self.plan.settings) and (optimiser.working is not self.model or self._optimiser is None):
            compile_layers(optimiser.working)
        if place.phase.keeps_optimiser and self._optimiser is not None:
            optimiser.take_over(self._optimiser)
        return optimiser

    def _save(self) -> None:
        """Save where the run stands, unless that has been saved, or may be where it went astray."""
        if self._saved_step == self.step or not (self._is_taken and self._is_told):
            return
        self._saved_step = self.step
        if self._ranks.is_first:
            self._states.save(self._position(), whole_parts(self._tensors()))
        elif is_shared(self.model):
            for _ in whole_parts(self._tensors()):
                pass  # the first puts them together

    def _position(self) -> Position:
        with self.metrics.open("rb") as metrics:
            os.fsync(metrics.fileno())
            size = os.fstat(metrics.fileno()).st_size
        noted = self._noted(size)
        return Position(
            self.step, size, noted, self.seconds, self.micro_sequences, asdict(self.guard), asdict(self.scale)
        )

    def _noted(self, size: int) -> str:
        """Return the digest of what the first so many bytes of the metrics say."""
        noted = self.metrics.read_bytes()[:size] if self.metrics.exists() else b""
        return xxhash.xxh3_128_hexdigest(noted)

    def _tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Yield what the next step depends on, in the same order on every rank."""
        assert self._optimiser is not None
        for name, tensor in trainable(self.model):
            yield f"model.{name}", tensor
        yield from self._optimiser.state().items()

    def _continue(self) -> None:
        """Take up the newest saved state; metrics written after it are made again."""
        state = self._newest_state()
        if state is not None:
            self._take_up(*state)
        elif self._ranks.is_first:
            self.metrics.write_bytes(b"")

    def _newest_state(self) -> tuple[Position, dict[str, Tensor]] | None:
        """Return the newest state, the same on every rank: the first, which writes them, says which one that is."""
        with defer_interrupts():  # a signal amid the reading would become whatever the library makes of it
            state = self._states.load(self._check) if self._ranks.is_first else None
            step = self._ranks.told(-1 if state is None else state[0].step)
            if step >= 0 and state is None:
                state = self._states.read(step)
            self._ranks.wait()
        return state

    def _check(self, position: Position, tensors: dict[str, Tensor]) -> None:
        """Raise ValueError, KeyError or TypeError where a state is not one that this run has saved."""
        Guard(**position.guard)
        LossScale(**position.scale)
        for name, parameter in trainable(self.model):
            if tensors[f"model.{name}"].shape != parameter.shape:
                raise ValueError(f"{name} has another shape")
        if self._noted(position.metrics_bytes) != position.metrics_digest:
            raise ValueError(f"{METRICS} beside it does not hold what was noted before it")

    def _take_up(self, position: Position, tensors: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in trainable(self.model):
                parameter.copy_(like(tensors[f"model.{name}"], parameter))
        self.step, self.seconds, self.micro_sequences = position.step, position.seconds, position.micro_sequences
        self.guard, self.scale = Guard(**position.guard), LossScale(**position.scale)
        self._saved_step = self.step
        if self._ranks.is_first:
            with self.metrics.open("rb+") as metrics:
                metrics.truncate(position.metrics_bytes)
        self._optimiser, self._is_taken = None, True
        if self.step == self.plan.total:
            return
        place = self.plan.place(self.step)
        if place.step or place.phase.keeps_optimiser:
            self._optimiser = self._new_optimiser(place)
            self._optimiser.load(tensors)


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return "can't allocate memory" in str(error) or "not enough memory" in str(error)
