"""The training loop.

Reads batches, changes a model, and keeps in its work folder what a later attempt needs. Its one idea: after each step
the run is described by the weights, the optimiser's averages and the number of the step, and by nothing else.
"""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import torch

from codeprimer.core.console import Task
from codeprimer.core.errors import UserError
from codeprimer.model.phi import Phi
from codeprimer.training.batches import Batches
from codeprimer.training.optimiser import Optimiser
from codeprimer.training.plan import Place, Plan
from codeprimer.training.state import Position, load_state, save_state

Reached = Callable[[int, Phi], None]
"""Is told after each step how many are done, with the float32 model."""

_STATES = "states"
METRICS = "metrics.jsonl"

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Loop:
    """One run of the plan on a model, from wherever an earlier attempt stopped."""

    def __init__(self, model: Phi, plan: Plan, batches: Batches, work: Path) -> None:
        self.model = model.train()
        self.plan = plan
        self.step = 0
        self.seconds = 0.0
        self.metrics = work / METRICS
        self._batches = batches
        self._states = work / _STATES
        self._optimiser: Optimiser | None = None
        self._continue()

    def run(self, reached: Reached, task: Task) -> None:
        """Train to the end of the plan.

        Raises UserError when the loss or its gradient is no longer a number.
        """
        with self.metrics.open("ab") as metrics:
            while self.step < self.plan.total:
                started = time.monotonic()
                place = self.plan.place(self.step)
                facts = self._train_step(place)
                self.step += 1
                self.seconds += time.monotonic() - started
                metrics.write(orjson.dumps(facts, option=orjson.OPT_APPEND_NEWLINE))
                reached(self.step, self.model)
                if self.step % self.plan.settings.checkpoint_every == 0 or self.step == self.plan.total:
                    metrics.flush()
                    os.fsync(metrics.fileno())
                    self._save()
                task.advance(1, f"loss {facts['loss']:.3f}, {self.plan.tokens_after(self.step):,} tokens")

    def _train_step(self, place: Place) -> dict[str, float | int | str]:
        if self._optimiser is None or place.step == 0:
            self._optimiser = self._new_optimiser(place)
        batch = self._batches.batch(self.step)
        ids_BS, shares_BS = torch.from_numpy(batch.ids), torch.from_numpy(batch.shares)
        loss = self._optimiser.working.loss(ids_BS[:, :-1], ids_BS[:, 1:], shares_BS[:, 1:])
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        norm = self._optimiser.step(place.learning_rate)
        value = float(loss.detach())
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise UserError(
                f"training diverged in phase {place.phase.name!r}: the loss is {value} and its gradient {norm} at step "
                f"{self.step + 1} with learning rate {place.learning_rate:.3g}; lower peak_learning_rate "
                f"({place.phase.peak_learning_rate:g}) or raise warmup_steps"
            )
        return {
            "step": self.step + 1,
            "phase": place.phase.name,
            "tokens": self.plan.tokens_after(self.step + 1),
            "loss": value,
            "lr": place.learning_rate,
            "grad_norm": norm,
        }

    def _new_optimiser(self, place: Place) -> Optimiser:
        return Optimiser(self.model, place.phase, DTYPES[self.plan.settings.precision])

    def _save(self) -> None:
        assert self._optimiser is not None
        tensors = {f"model.{name}": tensor.detach() for name, tensor in self.model.named_parameters()}
        position = Position(self.step, self.metrics.stat().st_size, self.seconds)
        save_state(self._states, position, tensors | self._optimiser.state())

    def _continue(self) -> None:
        """Take up the newest saved state; metrics written after it are made again."""
        state = load_state(self._states)
        self.metrics.touch()
        if state is None:
            self.metrics.write_bytes(b"")
            return
        position, tensors = state
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(tensors[f"model.{name}"])
        self.step, self.seconds = position.step, position.seconds
        with self.metrics.open("rb+") as metrics:
            metrics.truncate(position.metrics_bytes)
        if self.step < self.plan.total and (place := self.plan.place(self.step)).step:
            self._optimiser = self._new_optimiser(place)
            self._optimiser.load(tensors, place.step)


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
