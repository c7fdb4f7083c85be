"""Training with processes started by torchrun, on one or more machines.

Reads torchrun's environment variables; writes the same files as a single process. Key idea: all processes run the same command;
rank 0 executes the run, and the others wait for training steps to take part in. All processes must have access to the same
files, so a run on several machines needs a shared folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NoReturn

from codeprimer.core.console import Console, StoppedError
from codeprimer.core.errors import Interrupted, StoreError
from codeprimer.core.extras import require_torch
from codeprimer.core.stage import Stats, Tools
from codeprimer.training.job import Job, take_part

LONGEST_WAIT = timedelta(days=7)
"""Timeout for waiting for rank 0, which executes the steps before training."""


def is_launched() -> bool:
    """Return whether torchrun has started this process as one of several."""
    return "RANK" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


def is_follower() -> bool:
    """Return whether another process executes the run."""
    return is_launched() and os.environ["RANK"] != "0"


def follow() -> NoReturn:
    """Take part in the training steps of rank 0 until there are none left.

    Raises StoreError if this machine cannot access the run's files, and any error raised by training.
    """
    _join()
    while (job := _broadcast(None)) is not None:
        for artifact in job.inputs.values():
            if not artifact.path.is_dir():
                raise StoreError(
                    f"rank {os.environ['RANK']} cannot access {artifact.path.absolute()}; all machines need the same runs "
                    "folder at the same path"
                )
        try:
            take_part(job, job.tools(Console("quiet")), _processes_here())
        except StoppedError:
            os._exit(Interrupted.exit_code)  # another process has reported why
    _part()
    os._exit(0)  # torch's background threads crash at interpreter shutdown


@contextmanager
def leading() -> Iterator[None]:
    """Release the other processes when the block succeeds; if it fails, torchrun terminates them."""
    yield
    if is_launched():
        _join()
        _broadcast(None)
        _part()


def train_launched(job: Job, tools: Tools) -> Stats:
    """Train with all processes that torchrun has started; raises the same errors as a single process."""
    if job.settings.processes > 1:
        count = os.environ["WORLD_SIZE"]
        tools.console.warn(f"training.processes is ignored: torchrun has started {count} processes")
    _join()
    _broadcast(job)
    try:
        stats = take_part(job, tools, _processes_here())
    except StoppedError:
        if tools.console.stop.is_set():
            raise
        raise Interrupted("another process was stopped; progress is saved, and the same command resumes") from None
    assert stats is not None, "rank 0 returns the statistics"
    return stats


def _processes_here() -> int:
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def _join() -> None:
    """Initialise the process group, once."""
    require_torch("training")
    import torch

    if torch.distributed.is_initialized():
        return
    has_gpu = torch.cuda.is_available()
    if has_gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if has_gpu else "gloo", timeout=LONGEST_WAIT)


def _part() -> None:
    """Leave the process group after a barrier."""
    import torch

    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def _broadcast(job: Job | None) -> Job | None:
    """Return the job passed by rank 0; the other ranks pass None."""
    import torch

    box: list[Any] = [job]
    torch.distributed.broadcast_object_list(box, src=0, device=torch.device("cpu"))
    received: Job | None = box[0]
    return received
