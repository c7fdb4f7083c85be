"""A trial of a training run on this machine: a few of its real steps, in a process of their own.

Reads settings, writes into a temporary folder only. Its one idea: the loop itself, on random ids, costs what it will cost
later, whatever the model, the kernels and the threads are; so nothing needs to be known about them. Models that will train
side by side are tried side by side, because they take each other's cache, memory and clock.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from codeprimer.core.console import Task
from codeprimer.core.errors import CodeprimerError
from codeprimer.core.interrupts import POLL_SECONDS, children_ignore_ctrl_c
from codeprimer.core.stage import available_cores, peak_memory
from codeprimer.engines.local import exit_with_parent
from codeprimer.training.settings import Phase, TrainingSettings

SECONDS = 6.0
"""How long steps are taken [s]; at least two, of which the first does not count."""

STEP_SECONDS = 6.0
"""A step that is expected to take longer is tried with fewer sequences [s]."""

ROW_SECONDS = 30.0
"""Where even a single sequence is expected to take longer, nothing is tried [s]."""

EXPECTED_SHARE = 0.4
"""The share of what products reach here that a step is expected to reach, before any has been taken."""

MEMORY_SHARE = 0.6
"""Nothing is tried that is expected to take more of this machine's memory."""

_CEILING_SECONDS = 1.0

_ENDLESS = 10**9
"""More steps than anybody waits for."""

_RATE = 1e-6
"""Random ids teach nothing; a step of this rate costs what any other does and leads to no wild gradients."""


@dataclass(frozen=True)
class Trial:
    """What was measured."""

    ceiling: float
    """What products of matrices reach here, in the run's precision and threads [FLOP/s]."""
    step_seconds: float | None = None
    """A step of as many sequences as the phase has [s]; None: none could be tried."""
    rows: int = 0
    """The sequences of the steps that were taken."""
    steps: int = 0
    """The steps that were counted."""
    start_seconds: float = 0.0
    """What a run takes before its first step ends, beyond what that takes later [s]: torch is loaded, kernels are chosen."""
    cores: float = 1.0
    """The share of the processor time of its threads that the trial was given, while steps were taken."""
    peak: int = 0
    """The most memory [bytes]: of the device, or the largest resident set of the process."""


def try_out(
    settings: TrainingSettings, phase: Phase, vocabulary: int, copies: int = 1, seconds: float = SECONDS
) -> Trial:
    """Return what steps of a phase take here, with ``copies`` of the model side by side.

    Steps are taken for so long [s]. Raises CodeprimerError when the process dies, or whatever it raised.
    """
    context = get_context("spawn")
    ear, mouth = context.Pipe(duplex=False)
    # Processes that share a step are as many models side by side, each with its part of the sequences.
    share = phase.model_copy(update={"batch_sequences": settings.rows_of_process(phase)})
    alone = settings.model_copy(update={"phases": (share,), "processes": 1, "selections": 1})
    scope = _Scope(alone, vocabulary, copies * settings.processes, seconds)
    process = context.Process(target=_work, args=(scope, mouth, os.getpid()), name="trial")
    with children_ignore_ctrl_c():
        process.start()
    mouth.close()
    try:
        while not ear.poll(POLL_SECONDS):
            pass
        result = ear.recv()
    except EOFError:
        process.join()
        raise CodeprimerError(
            f"the trial of {phase.name!r} was ended with exit code {process.exitcode}; with too little memory that is a "
            "sign: give a smaller training.micro_sequences, or compute without a trial by --tflops"
        ) from None
    except BaseException:
        process.kill()  # nobody waits for what it would find
        raise
    finally:
        process.join()
    if isinstance(result, BaseException):
        raise result
    assert isinstance(result, Trial)
    return result


@dataclass(frozen=True)
class _Scope:
    """What is tried."""

    settings: TrainingSettings
    vocabulary: int
    copies: int
    seconds: float


# --- in a process of its own ------------------------------------------------------------------------------------------


class _EnoughError(Exception):
    """As much as was to be measured has been."""


@dataclass
class _RandomBatches:
    """Batches of random ids, which cost what any others do."""

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
    """When steps ended, and what the process had used by then; says when enough have."""

    begin: threading.Barrier
    seconds: float
    ends: list[float] = field(default_factory=list)
    used: list[float] = field(default_factory=list)

    @property
    def cores(self) -> float:
        """How many cores the process was given on average, from the end of the first step to that of the last."""
        return (self.used[-1] - self.used[0]) / (self.ends[-1] - self.ends[0])

    def reached(self, step: int, model: object) -> None:
        del step, model
        if not self.ends:
            self.begin.wait()  # all copies have taken their first step
        self.ends.append(time.monotonic())
        self.used.append(time.process_time())
        if len(self.ends) >= 2 and self.ends[-1] - self.ends[0] >= self.seconds:
            raise _EnoughError


def _work(scope: _Scope, mouth: Connection, parent: int) -> None:
    """Measure, and say what."""
    began = time.monotonic()
    exit_with_parent(parent)
    try:
        import torch  # noqa: F401 - takes seconds, as it will when the run begins

        tried = _measure(scope, time.monotonic() - began)
        mouth.send(tried)
    except Exception as error:
        mouth.send(error)
    mouth.close()


def _measure(scope: _Scope, loading: float) -> Trial:
    import torch

    from codeprimer.model.arithmetic import SIZES, ceiling
    from codeprimer.training import needs
    from codeprimer.training.device import DTYPES, as_models_train, device_of, in_a_thread_that_ends

    settings = scope.settings
    (phase,) = settings.phases
    config = needs.config_of(settings, scope.vocabulary)
    with as_models_train(settings):
        device, dtype = device_of(settings), DTYPES[settings.precision]
        size, shortly = SIZES[device.type], min(_CEILING_SECONDS, scope.seconds)
        reached = in_a_thread_that_ends(lambda: ceiling(dtype, device, size, shortly)) * 1e9
        row_seconds = needs.step_flop(settings, phase, config) / phase.batch_sequences / reached / EXPECTED_SHARE
        rows = min(phase.batch_sequences, max(1, int(STEP_SECONDS / row_seconds)))
        tried = settings.model_copy(
            update={
                "micro_sequences": min(settings.micro_sequences or rows, rows),
                "phases": (phase.model_copy(update={"batch_sequences": rows}),),
            }
        )
        at_a_time = needs.rows_at_a_time(tried, tried.phases[0])
        expected = needs.memory(tried, tried.phases[0], config, at_a_time, device.type == "cpu").total
        if row_seconds > ROW_SECONDS or scope.copies * expected > MEMORY_SHARE * (device_memory(device.type) or 0):
            return Trial(reached)
        seconds, steps, first, given = _step_seconds(replace(scope, settings=tried))
        cores = min(1.0, given / min(scope.copies * torch.get_num_threads(), available_cores()))
    start = loading + max(0.0, first - seconds)
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak_memory()
    return Trial(reached, seconds * phase.batch_sequences / rows, rows, steps, start, cores, peak)


def _step_seconds(scope: _Scope) -> tuple[float, int, float, float]:
    """Return the mean time of a step [s], of how many, the time until the first one ended [s], and the cores given since."""
    began = time.monotonic()
    begin = threading.Barrier(scope.copies)
    clocks = [_Clock(begin, scope.seconds) for _ in range(scope.copies)]
    failures: list[BaseException] = []

    def go(clock: _Clock) -> None:
        try:
            _train(scope, clock)
        except BaseException as failure:
            failures.append(failure)
            begin.abort()

    if scope.copies == 1 and scope.settings.threads in (0, available_cores()):
        go(
            clocks[0]
        )  # a run with every core trains in the first thread too, whose memory the C library keeps otherwise
    else:
        threads = [threading.Thread(target=go, args=(clock,)) for clock in clocks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]
    steps = [len(clock.ends) - 1 for clock in clocks]
    mean = sum(clock.ends[-1] - clock.ends[0] for clock in clocks) / sum(steps)
    return mean, sum(steps), max(clock.ends[0] for clock in clocks) - began, clocks[0].cores


def _train(scope: _Scope, clock: _Clock) -> None:
    """Take steps of the loop until the clock has had enough."""
    from codeprimer.model.lora import AdaptedPhi
    from codeprimer.model.phi import Phi
    from codeprimer.training.beginning import lora_config
    from codeprimer.training.heldout import Watch
    from codeprimer.training.loop import Loop
    from codeprimer.training.plan import Plan

    (phase,) = scope.settings.phases
    config = scope.settings.model.config(scope.vocabulary, 0)
    # The run is longer than it will be followed, and saves nothing meanwhile.
    tokens = _ENDLESS * phase.batch_sequences * config.context
    endless = phase.model_copy(update={"tokens": tokens, "peak_learning_rate": _RATE})
    plan = Plan(scope.settings.model_copy(update={"phases": (endless,), "checkpoint_every": _ENDLESS}))
    batches: Any = _RandomBatches(phase.batch_sequences, config.context + 1, scope.vocabulary)
    with _temporary_folder() as work, contextlib.suppress(_EnoughError):
        model = Phi(config).initialise(0)
        if scope.settings.lora.rank:
            model = AdaptedPhi(model, lora_config(scope.settings.lora))
        loop = Loop(model, plan, batches, work, lambda text: None, Watch(None, 0, plan.total))
        loop.run(clock.reached, Task("trial", 0, threading.Event()))


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="codeprimer-trial-") as folder:
        yield Path(folder)


def device_memory(device: str) -> int | None:
    """Return the memory of the device that this machine trains on [bytes]; None where it has no such device."""
    import torch

    if device != "cuda":
        return machine_memory()
    return int(torch.cuda.get_device_properties(0).total_memory) if torch.cuda.is_available() else None


def machine_memory() -> int:
    """Return the memory of this machine [bytes]."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
