"""A trial of a training run: a few real steps on this machine, in a separate process.

Reads settings; writes only to a temporary folder. Key idea: on random ids, the training loop takes the same time and memory as
on real data, with any model, kernel and number of threads, so no performance model of the hardware is needed. Models that will
train in parallel are tried in parallel, because they compete for cache, memory and clock rate.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from codeprimer.core.console import Task
from codeprimer.core.errors import CodeprimerError
from codeprimer.core.interrupts import POLL_SECONDS, children_ignore_ctrl_c
from codeprimer.core.memory import machine_memory
from codeprimer.core.stage import available_cores, peak_memory
from codeprimer.engines.local import exit_with_parent
from codeprimer.model.config import PhiConfig
from codeprimer.training.settings import Phase, TrainingSettings

SECONDS = 6.0
"""Duration of the measurement [s]; at least two steps are taken, and the first is not counted."""

STEP_SECONDS = 6.0
"""A step expected to take longer than this is tried with fewer sequences [s]."""

ROW_SECONDS = 30.0
"""If a single sequence is expected to take longer than this, no step is tried [s]."""

EXPECTED_UTILIZATION = 0.4
"""Assumed utilization of the measured matmul peak before any step is taken."""

MEMORY_FRACTION = 0.6
"""No step is tried that is expected to need more than this fraction of the machine's memory."""

_PEAK_SECONDS = 1.0

_ENDLESS = 10**9
"""More steps than any trial takes."""

_LEARNING_RATE = 1e-6
"""Small, because a model cannot learn from random ids; it does not affect the cost of a step."""


@dataclass(frozen=True)
class Trial:
    """The result of a trial."""

    matmul_peak: float
    """Measured matmul peak, in the run's precision and with its threads [FLOP/s]."""
    step_seconds: float | None = None
    """Time of a step with all of the phase's sequences [s]; None if no step could be tried."""
    rows: int = 0
    """Sequences per tried step."""
    steps: int = 0
    """Number of steps counted."""
    start_seconds: float = 0.0
    """Time until the first step ends, minus the time of a step [s]: importing torch and choosing kernels."""
    cores: float = 1.0
    """CPU time that the trial received, as a fraction of the time that its threads could have used."""
    peak: int = 0
    """Peak memory [bytes]: allocated on the GPU, or the process's largest resident set."""


def try_out(
    settings: TrainingSettings, phase: Phase, vocabulary: int, copies: int = 1, seconds: float = SECONDS
) -> Trial:
    """Return the cost of a phase's steps on this machine, with ``copies`` models in parallel, measured for ``seconds`` [s].

    Raises CodeprimerError if the process dies, and any error raised in it.
    """
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    # Processes that train one model are tried as separate models in parallel, each with its part of the batch.
    part = phase.model_copy(update={"batch_sequences": settings.rows_of_process(phase)})
    single = settings.model_copy(update={"phases": (part,), "processes": 1, "selections": 1})
    scope = _Scope(single, vocabulary, copies * settings.processes, seconds)
    process = context.Process(target=_work, args=(scope, sender, os.getpid()), name="trial")
    with children_ignore_ctrl_c():
        process.start()
    sender.close()
    try:
        while not receiver.poll(POLL_SECONDS):
            pass
        result = receiver.recv()
    except EOFError:
        process.join()
        raise CodeprimerError(
            f"the trial of {phase.name!r} exited with code {process.exitcode}, perhaps because memory ran out; lower "
            "training.micro_sequences, or compute the forecast without a trial (--tflops)"
        ) from None
    except BaseException:
        process.kill()
        raise
    finally:
        process.join()
    if isinstance(result, BaseException):
        raise result
    assert isinstance(result, Trial)
    return result


@dataclass(frozen=True)
class _Scope:
    """The steps to try."""

    settings: TrainingSettings
    vocabulary: int
    copies: int
    seconds: float

    @property
    def phase(self) -> Phase:
        """The only phase."""
        (phase,) = self.settings.phases
        return phase

    @property
    def config(self) -> PhiConfig:
        """The shape of the model."""
        return self.settings.model.config(self.vocabulary, 0)


# --- in a separate process --------------------------------------------------------------------------------------------


class _EnoughError(Exception):
    """The measurement is complete."""


@dataclass
class _RandomBatches:
    """Batches of random ids, which take as long as real ones."""

    rows: int
    length: int
    vocabulary: int
    seed: int = 0

    def batch(self, step: int, jumped: int = 0) -> Any:
        from codeprimer.training.batches import Batch

        ids = np.random.default_rng([step, jumped]).integers(0, self.vocabulary, (self.rows, self.length))
        return Batch(ids, np.ones(ids.shape, np.float32))


@dataclass
class _Clock:
    """Records the end of each step and the CPU time used by then; raises _EnoughError after ``seconds``."""

    begin: threading.Barrier
    seconds: float
    ends: list[float] = field(default_factory=list)
    used: list[float] = field(default_factory=list)

    @property
    def cores(self) -> float:
        """The number of cores that the process received on average, from the end of the first step to the end of the last."""
        return (self.used[-1] - self.used[0]) / (self.ends[-1] - self.ends[0])

    def reached(self, step: int, model: object) -> None:
        del step, model
        if not self.ends:
            self.begin.wait()  # until all copies have taken their first step
        self.ends.append(time.monotonic())
        self.used.append(time.process_time())
        if len(self.ends) >= 2 and self.ends[-1] - self.ends[0] >= self.seconds:
            raise _EnoughError


def _work(scope: _Scope, sender: Connection, parent: int) -> None:
    """Send the result or the error."""
    began = time.monotonic()
    exit_with_parent(parent)
    try:
        import torch  # noqa: F401 - its import takes seconds, as it will when the run begins

        sender.send(_measure(scope, time.monotonic() - began))
    except Exception as error:
        sender.send(error)
    sender.close()


def _measure(scope: _Scope, loading: float) -> Trial:
    import torch

    from codeprimer.model.arithmetic import SIZES, matmul_peak
    from codeprimer.training.device import DTYPES, as_models_train, device_of, in_a_thread_that_ends

    settings, rows_wanted = scope.settings, scope.phase.batch_sequences
    with as_models_train(settings):
        device, dtype = device_of(settings), DTYPES[settings.precision]
        size, duration = SIZES[device.type], min(_PEAK_SECONDS, scope.seconds)
        peak = in_a_thread_that_ends(lambda: matmul_peak(dtype, device, size, duration)) * 1e9
        tried = _affordable(scope, peak, device.type)
        if tried is None:
            return Trial(peak)
        seconds, steps, first, received = _step_seconds(tried)
        cores = min(1.0, received / min(scope.copies * torch.get_num_threads(), available_cores()))
    start = loading + max(0.0, first - seconds)
    memory = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak_memory()
    rows = tried.phase.batch_sequences
    return Trial(peak, seconds * rows_wanted / rows, rows, steps, start, cores, memory)


def _affordable(scope: _Scope, peak: float, device: str) -> _Scope | None:
    """Return the scope with as many sequences per step as fit the time limit; None if even one is too slow or too large."""
    from codeprimer.training import needs

    settings, phase = scope.settings, scope.phase
    row_seconds = needs.step_flop(settings, phase, scope.config) / phase.batch_sequences / peak / EXPECTED_UTILIZATION
    rows = min(phase.batch_sequences, max(1, int(STEP_SECONDS / row_seconds)))
    tried = settings.model_copy(
        update={
            "micro_sequences": min(settings.micro_sequences or rows, rows),
            "phases": (phase.model_copy(update={"batch_sequences": rows}),),
        }
    )
    micro = needs.micro_batch(tried, tried.phases[0])
    expected = needs.memory(tried, tried.phases[0], scope.config, micro, device == "cpu").total
    is_too_large = scope.copies * expected > MEMORY_FRACTION * (device_memory(device) or 0)
    return None if row_seconds > ROW_SECONDS or is_too_large else replace(scope, settings=tried)


def _step_seconds(scope: _Scope) -> tuple[float, int, float, float]:
    """Return the mean step time [s], the number of steps counted, the time until the first step ended [s] and the cores
    received."""
    began = time.monotonic()
    begin = threading.Barrier(scope.copies)
    clocks = [_Clock(begin, scope.seconds) for _ in range(scope.copies)]
    _train_all(scope, clocks, begin)
    steps = [len(clock.ends) - 1 for clock in clocks]
    mean = sum(clock.ends[-1] - clock.ends[0] for clock in clocks) / sum(steps)
    return mean, sum(steps), max(clock.ends[0] for clock in clocks) - began, clocks[0].cores


def _train_all(scope: _Scope, clocks: Sequence[_Clock], begin: threading.Barrier) -> None:
    """Train one model per clock, in parallel. Raises the first error."""
    failures: list[BaseException] = []

    def go(clock: _Clock) -> None:
        try:
            _train(scope, clock)
        except BaseException as failure:
            failures.append(failure)
            begin.abort()

    if scope.copies == 1 and scope.settings.threads in (0, available_cores()):
        go(clocks[0])  # like a run on all cores, which trains in the main thread, where glibc keeps more freed memory
    else:
        threads = [threading.Thread(target=go, args=(clock,)) for clock in clocks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]


def _train(scope: _Scope, clock: _Clock) -> None:
    """Run the training loop until the clock ends it."""
    from codeprimer.model.lora import AdaptedPhi
    from codeprimer.model.phi import Phi
    from codeprimer.training.beginning import lora_config
    from codeprimer.training.heldout import Watch
    from codeprimer.training.loop import Loop
    from codeprimer.training.plan import Plan

    phase, config = scope.phase, scope.config
    # The plan never ends, and no state is saved.
    tokens = _ENDLESS * phase.batch_sequences * config.context
    endless = phase.model_copy(update={"tokens": tokens, "peak_learning_rate": _LEARNING_RATE})
    plan = Plan(scope.settings.model_copy(update={"phases": (endless,), "checkpoint_every": _ENDLESS}))
    batches: Any = _RandomBatches(phase.batch_sequences, config.context + 1, scope.vocabulary)
    with tempfile.TemporaryDirectory(prefix="codeprimer-trial-") as folder, contextlib.suppress(_EnoughError):
        model = Phi(config).initialise(0)
        if scope.settings.lora.rank:
            model = AdaptedPhi(model, lora_config(scope.settings.lora))
        loop = Loop(model, plan, batches, Path(folder), lambda text: None, Watch(None, 0, plan.total))
        loop.run(clock.reached, Task("trial", 0, threading.Event()))


def device_memory(device: str) -> int | None:
    """Return the memory of the device that this machine trains on [bytes]; None if it has no such device."""
    import torch

    if device != "cuda":
        return machine_memory()
    return int(torch.cuda.get_device_properties(0).total_memory) if torch.cuda.is_available() else None
