"""The training loop.

Reads batches, changes a model, and keeps in its work folder what a later attempt needs. Its one idea: after each step
the run is described by the weights, the optimiser's averages, the number of the step and what the norms of gradients have
said, and by nothing else; what is drawn at random in a step follows from its number.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import torch
from torch import Tensor

from codeprimer.core.console import StoppedError, Task
from codeprimer.core.errors import UserError
from codeprimer.core.interrupts import PutOff, put_off
from codeprimer.core.seeds import derive_seed
from codeprimer.model.phi import Phi
from codeprimer.model.regime import Regime
from codeprimer.training.batches import Batches
from codeprimer.training.guard import Guard
from codeprimer.training.optimiser import Optimiser
from codeprimer.training.plan import Place, Plan
from codeprimer.training.ranks import Ranks
from codeprimer.training.state import Position, States

Reached = Callable[[int, Phi], None]
"""Is told after each step how many are done, with the float32 model."""

Warn = Callable[[str], None]

_STATES = "states"
METRICS = "metrics.jsonl"

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Loop:
    """One run of the plan on a model, from wherever an earlier attempt stopped."""

    def __init__(self, model: Phi, plan: Plan, batches: Batches, work: Path, warn: Warn) -> None:
        """``warn`` is told what went wrong and was borne."""
        self.model = model.train()
        self.plan = plan
        self.step = 0
        self.seconds = 0.0
        self.guard = Guard()
        self.metrics = work / METRICS
        self._batches = batches
        self._warn = warn
        self._ranks = Ranks()
        self._states = States(work / _STATES, warn)
        self.micro_sequences = plan.settings.micro_sequences
        self._optimiser: Optimiser | None = None
        self._saved_step = -1
        self._is_told = True
        """Whether whoever wants to know of the last step has dealt with it; a state is saved only then."""
        self._continue()

    def run(self, reached: Reached, task: Task) -> None:
        """Train to the end of the plan; an interrupt is obeyed after a step, and what was done is saved.

        Raises UserError when the run diverges again and again.
        """
        with put_off() as interrupt:
            try:
                while self.step < self.plan.total:
                    self._advance(reached, task)
                    if self._ranks.any_of(interrupt.came):
                        self._stop(interrupt)
            except StoppedError:
                self._save()
                self._states.wait()
                raise
            self._states.wait()

    def _advance(self, reached: Reached, task: Task) -> None:
        """Take one step, or go back."""
        started = time.monotonic()
        place = self.plan.place(self.step)
        facts = self._train_step(place)
        self.step += 1
        self.seconds += time.monotonic() - started
        if self.guard.in_a_row >= self.plan.settings.skips:
            self._go_back(place)
            return
        self._note(facts)
        self._is_told = False
        reached(self.step, self.model)
        self._is_told = True
        if self.step % self.plan.settings.checkpoint_every == 0 or self.step == self.plan.total:
            self._save()
        tokens = self.plan.tokens_after(self.step)
        task.advance(1, f"loss {facts['loss']:.3f}, {tokens:,} tokens, {tokens / self.seconds:,.0f} tokens/s")

    def _stop(self, interrupt: PutOff) -> None:
        self._save()
        self._states.wait()
        if interrupt.came:
            interrupt.give_way()
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
        if self.guard.takes(facts["grad_norm"], facts["loss"], self.plan.settings.spike_factor):
            self._optimiser.step(place.learning_rate, norm)
            return facts
        self._optimiser.clear()
        return facts | {"skipped": True}

    def _gradients(self, optimiser: Optimiser) -> Tensor:
        """Leave the gradients of a step's batch at the optimiser, and return its loss."""
        batch = self._batches.batch(self.step, self.guard.jumped)
        ids_BS, shares_BT = torch.from_numpy(batch.ids), torch.from_numpy(batch.shares)[:, 1:]
        shares_BT = shares_BT / shares_BT.sum()
        while True:
            try:
                loss = self._accumulate(optimiser, ids_BS, shares_BT)
                break
            except (RuntimeError, MemoryError) as error:
                self._use_less_memory(error, optimiser, len(ids_BS))
        self._ranks.add_up([*optimiser.gradients, loss])
        return loss

    def _accumulate(self, optimiser: Optimiser, ids_BS: Tensor, shares_BT: Tensor) -> Tensor:
        rows = self._ranks.share(len(ids_BS))
        micro = self.micro_sequences or len(ids_BS)
        total = torch.zeros(())
        for start in range(rows.start, rows.stop, micro):
            part = slice(start, min(start + micro, rows.stop))
            ids_MS = ids_BS[part]
            loss = optimiser.working.loss(ids_MS[:, :-1], ids_MS[:, 1:], shares_BT[part], self._regime(start))
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimiser.collect()
            total += loss.detach()
        return total

    def _regime(self, row: int) -> Regime:
        """Return how the rows from this one on are passed through the model in this step."""
        settings = self.plan.settings
        random = None
        if settings.attention_dropout or settings.residual_dropout:
            seed = derive_seed(self._batches.seed, "dropout", self.step, self.guard.jumped, row)
            random = torch.Generator().manual_seed(seed)
        return Regime(settings.attention_dropout, settings.residual_dropout, settings.separate_documents, random)

    def _use_less_memory(self, error: Exception, optimiser: Optimiser, sequences: int) -> None:
        """Halve what is computed at a time, where that is why a step failed. Raises the error where it is not."""
        micro = min(self.micro_sequences or sequences, sequences)
        if not _is_out_of_memory(error) or micro == 1 or self._ranks.count > 1:
            raise error
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
        state = self._states.load()
        if state is None or len(self.guard.rollbacks) >= self.plan.settings.rollbacks:
            times = f", after going back {len(self.guard.rollbacks)} times" if self.guard.rollbacks else ""
            raise UserError(f"training diverged {where}{times}: {what}; {remedy}")
        went, now = self.step, self.guard
        self._take_up(*state)
        self.guard.went_back(now, went, self.step)
        self._warn(
            f"training goes back from step {went} to {self.step} {where} and leaves out the data between: {what}; if that "
            f"happens again, {remedy}"
        )

    def _note(self, facts: dict[str, Any]) -> None:
        if self._ranks.is_first:
            with self.metrics.open("ab") as metrics:
                metrics.write(orjson.dumps(facts, option=orjson.OPT_APPEND_NEWLINE))

    def _new_optimiser(self, place: Place) -> Optimiser:
        return Optimiser(self.model, place.phase, DTYPES[self.plan.settings.precision])

    def _save(self) -> None:
        """Save where the run stands, unless that has been saved, or may be where it went astray."""
        if self._saved_step == self.step or self.guard.in_a_row or not (self._is_told and self._ranks.is_first):
            return
        with self.metrics.open("rb") as metrics:
            os.fsync(metrics.fileno())
        assert self._optimiser is not None
        tensors = {f"model.{name}": tensor.detach() for name, tensor in self.model.named_parameters()}
        position = Position(
            self.step, self.metrics.stat().st_size, self.seconds, self.micro_sequences, asdict(self.guard)
        )
        self._states.save(position, tensors | self._optimiser.state())
        self._saved_step = self.step

    def _continue(self) -> None:
        """Take up the newest saved state; metrics written after it are made again."""
        state = self._states.load()
        self._ranks.wait()
        if state is not None:
            self._take_up(*state)
        elif self._ranks.is_first:
            self.metrics.write_bytes(b"")

    def _take_up(self, position: Position, tensors: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(tensors[f"model.{name}"])
        self.step, self.seconds, self.micro_sequences = position.step, position.seconds, position.micro_sequences
        self.guard = Guard(**position.guard)
        self._saved_step = self.step
        if self._ranks.is_first:
            with self.metrics.open("rb+") as metrics:
                metrics.truncate(position.metrics_bytes)
        self._optimiser = None
        if self.step < self.plan.total and (place := self.plan.place(self.step)).step:
            self._optimiser = self._new_optimiser(place)
            self._optimiser.load(tensors, place.step)


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return "can't allocate memory" in str(error) or "not enough memory" in str(error)


_memory: Any = torch.utils.deterministic
"""A module with a property, which type checkers cannot see."""


class _Computing:
    """How torch computes while at least one model trains; it is a setting of the whole process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before: tuple[int, bool, bool] = (1, False, False)

    def enter(self) -> None:
        with self._lock:
            if not self._users:
                deterministic = torch.are_deterministic_algorithms_enabled()
                self._before = torch.get_num_threads(), deterministic, _memory.fill_uninitialized_memory
                torch.use_deterministic_algorithms(True)
                # Filling fresh memory with NaN finds bugs; it changes no result and costs time.
                _memory.fill_uninitialized_memory = False
            self._users += 1

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                threads, deterministic, fill = self._before
                torch.set_num_threads(threads)
                torch.use_deterministic_algorithms(deterministic)
                _memory.fill_uninitialized_memory = fill


_COMPUTING = _Computing()


@contextlib.contextmanager
def reproducible(threads: int) -> Iterator[None]:
    """Compute with so many threads and with deterministic kernels only; the last to leave puts everything back.

    Models may train side by side, each in a thread of the program and with equally many threads of its own.
    """
    _COMPUTING.enter()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        _COMPUTING.leave()
