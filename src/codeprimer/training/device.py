"""The device that a model trains on, and torch's settings for it.

Queries the hardware; changes process-wide settings and restores them. Key idea: on a CPU, the same step gives the same bits,
regardless of what else the process does; on a GPU, a step is as fast as possible and equal up to rounding.
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
from codeprimer.training.allocator import keep_freed_memory
from codeprimer.training.settings import MOST_THREADS, LoopSettings
from codeprimer.training.shared_context import SharedContext

Result = TypeVar("Result")

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def device_of(settings: LoopSettings, rank: int = 0) -> torch.device:
    """Return the device for a local rank. Raises RecipeError if this machine has none for it."""
    assert settings.device != "auto", "the device is decided before a run is named"
    if settings.device == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise RecipeError("training.device is cuda, but torch finds no CUDA device; choose cpu")
    if rank >= torch.cuda.device_count():
        raise RecipeError(
            f"training.processes is greater than the number of GPUs in this machine ({torch.cuda.device_count()}); lower it"
        )
    return torch.device("cuda", rank)


def threads_of(settings: LoopSettings, processes: int) -> int:
    """Return the number of threads for each process on this machine: the setting, but at most an equal part of the cores."""
    return min(settings.threads or MOST_THREADS, max(1, available_cores() // processes))


def compiles(settings: LoopSettings) -> bool:
    """Return whether layers are compiled."""
    return settings.device == "cuda" if settings.compiled is None else settings.compiled


def compile_layers(model: Phi) -> None:
    """Compile each layer; all layers are alike, so the first compilation serves them all."""
    for layer in model.layers:
        layer.compile()


_memory: Any = torch.utils.deterministic
"""Typed as Any, because type checkers do not recognise properties of modules."""


@SharedContext
@contextlib.contextmanager
def _kernels(is_deterministic: bool) -> Iterator[None]:
    """Select deterministic or default kernels; on exit, restore the previous choice and the number of threads."""
    threads, deterministic = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    fill = _memory.fill_uninitialized_memory
    # torch.use_deterministic_algorithms would also import torch's compiler, which takes seconds.
    torch.set_deterministic_debug_mode("error" if is_deterministic else "default")
    _memory.fill_uninitialized_memory = (
        False  # filling new tensors with NaN finds bugs, does not change any result and costs time
    )
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_deterministic_debug_mode(deterministic)
        _memory.fill_uninitialized_memory = fill


@contextlib.contextmanager
def reproducible(threads: int, device: str = "cpu") -> Iterator[None]:
    """Compute with this many threads and, on a CPU, with deterministic kernels only.

    Models can train in parallel, each in its own Python thread with the same number of torch threads. On a GPU, deterministic
    kernels for attention and scatter-add would be too slow.
    """
    with _kernels(device == "cpu"):
        torch.set_num_threads(threads)
        yield


@contextlib.contextmanager
def as_models_train(settings: LoopSettings) -> Iterator[None]:
    """Compute as a training run with these settings does: reproducibly and, on a CPU, without returning freed memory."""
    keeping = keep_freed_memory() if settings.device == "cpu" else contextlib.nullcontext()
    with reproducible(settings.threads or available_cores(), settings.device), keeping:
        yield


def in_a_thread_that_ends(work: Callable[[], Result]) -> Result:
    """Return the result of ``work``, computed in its own thread.

    OpenMP gives each computing thread its own helper threads. While another thread's idle helpers exist, the training loop's
    helpers no longer spin-wait, and steps can take 1.5 times as long, so a measurement before a run gets its own thread, which
    ends with it.
    """
    done: Future[Result] = Future()

    def go() -> None:
        try:
            done.set_result(work())
        except BaseException as failure:
            done.set_exception(failure)

    # A daemon thread, so an interrupt need not wait for it.
    apart = threading.Thread(target=go, name="measuring", daemon=True)
    apart.start()
    first_done([done])
    apart.join()
    return done.result()
