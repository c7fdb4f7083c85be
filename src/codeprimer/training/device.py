"""Where a model trains, and how torch computes there.

Reads what the machine has, changes settings of the whole process and puts them back. Its one idea: on a CPU the same step
gives the same bits, whatever else the process does; on a GPU it is as fast as it can be, and equal but for rounding.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

import torch

from codeprimer.core.errors import RecipeError
from codeprimer.core.interrupts import first_done
from codeprimer.core.stage import available_cores
from codeprimer.model.phi import Phi
from codeprimer.training.allocator import keeping_freed_memory
from codeprimer.training.settings import MOST_THREADS, LoopSettings

Result = TypeVar("Result")

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def device_of(settings: LoopSettings, rank: int = 0) -> torch.device:
    """Return the device that one of the processes of this machine trains on.

    Raises RecipeError where there is none for it.
    """
    assert settings.device != "auto", "the device is decided before a run is named"
    if settings.device == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise RecipeError("training.device is cuda, but there is no CUDA device that torch can use; choose cpu")
    if rank >= torch.cuda.device_count():
        raise RecipeError(
            f"training.processes wants a GPU for each process, and this machine has {torch.cuda.device_count()}; lower it"
        )
    return torch.device("cuda", rank)


def threads_of(settings: LoopSettings, processes: int) -> int:
    """Return the threads of one of so many processes of this machine: as the settings say, but no more than its cores."""
    return min(settings.threads or MOST_THREADS, max(1, available_cores() // processes))


def compiles(settings: LoopSettings) -> bool:
    """Return whether layers are compiled."""
    return settings.device == "cuda" if settings.compiled is None else settings.compiled


def compile_layers(model: Phi) -> None:
    """Have each layer compiled; all are alike, so one is compiled and the others find it."""
    for layer in model.layers:
        layer.compile()


_memory: Any = torch.utils.deterministic
"""A module with a property, which type checkers cannot see."""


class _Computing:
    """How torch computes while at least one model trains; it is a setting of the whole process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before: tuple[int, bool, bool] = (1, False, False)

    def enter(self, is_exact: bool) -> None:
        with self._lock:
            if not self._users:
                deterministic = torch.are_deterministic_algorithms_enabled()
                self._before = torch.get_num_threads(), deterministic, _memory.fill_uninitialized_memory
                torch.use_deterministic_algorithms(is_exact)
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
def reproducible(threads: int, device: str = "cpu") -> Iterator[None]:
    """Compute with so many threads and, on a CPU, with deterministic kernels only; the last to leave puts everything back.

    Models may train side by side, each in a thread of the program and with equally many threads of its own. On a GPU the
    deterministic kernels of attention and of scattered sums cost more than they are worth there.
    """
    _COMPUTING.enter(is_exact=device == "cpu")
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        _COMPUTING.leave()


@contextlib.contextmanager
def as_models_train(settings: LoopSettings) -> Iterator[None]:
    """Compute as a run with these settings does: reproducibly and, on a CPU, with memory that is kept between steps."""
    keeping = keeping_freed_memory() if settings.device == "cpu" else contextlib.nullcontext()
    with reproducible(settings.threads or available_cores(), settings.device), keeping:
        yield


def in_a_thread_that_ends(work: Callable[[], Result]) -> Result:
    """Return what some work returns, done in a thread of its own.

    OpenMP gives each thread that computes its helpers. Beside the idle ones of another thread, those of the loop no longer
    wait actively for each other, and its steps may take half as long again; so what is measured beforehand ends with its own.
    """
    done: Future[Result] = Future()

    def go() -> None:
        try:
            done.set_result(work())
        except BaseException as failure:
            done.set_exception(failure)

    # An interrupt leaves it behind: what it would find is not wanted any more.
    apart = threading.Thread(target=go, name="measuring", daemon=True)
    apart.start()
    first_done([done])
    apart.join()
    return done.result()
