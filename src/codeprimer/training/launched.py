"""Training by processes that torchrun has started, on one machine or on several.

Reads torchrun's environment, and writes what one process would. Its one idea: all processes are the same command; the first
goes through the run, and the others wait for it to hand them a training step, in which they take part. They see the same
files, so a run on several machines needs a folder that these share.
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
"""So long a process waits for the first, which makes the steps before training."""


def is_launched() -> bool:
    """Return whether this process is one of several that torchrun has started."""
    return "RANK" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


def is_follower() -> bool:
    """Return whether another process goes through the run."""
    return is_launched() and os.environ["RANK"] != "0"


def follow() -> NoReturn:
    """Take part in every training step that the first process comes to, until it says that there are no more.

    Raises what training does, StoreError where this machine does not see the run's files.
    """
    _join()
    while (job := _handed(None)) is not None:
        for artifact in job.inputs.values():
            if not artifact.path.is_dir():
                raise StoreError(
                    f"rank {os.environ['RANK']} does not see {artifact.path.absolute()}; all machines need the same folder "
                    "of runs, at the same path"
                )
        try:
            take_part(job, job.tools(Console("quiet")), _processes_here())
        except StoppedError:
            os._exit(Interrupted.exit_code)  # another process has said why
    _part()
    os._exit(0)  # what torch leaves running does not bear the end of the interpreter


@contextmanager
def leading() -> Iterator[None]:
    """Let the other processes go when the block ends well; where it does not, torchrun ends them."""
    yield
    if is_launched():
        _join()
        _handed(None)
        _part()


def train_launched(job: Job, tools: Tools) -> Stats:
    """Train with all processes that torchrun has started; raises what one process would."""
    if job.settings.processes > 1:
        count = os.environ["WORLD_SIZE"]
        tools.console.warn(f"training.processes is ignored: torchrun has started {count} processes")
    _join()
    _handed(job)
    try:
        stats = take_part(job, tools, _processes_here())
    except StoppedError:
        if tools.console.stop.is_set():
            raise
        raise Interrupted(
            "another process was stopped; what is done is saved, and the same command continues"
        ) from None
    assert stats is not None, "the first process writes"
    return stats


def _processes_here() -> int:
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def _join() -> None:
    """Meet the other processes, once."""
    require_torch("training")
    import torch

    if torch.distributed.is_initialized():
        return
    has_gpu = torch.cuda.is_available()
    if has_gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if has_gpu else "gloo", timeout=LONGEST_WAIT)


def _part() -> None:
    """Leave the other processes, when all have come here."""
    import torch

    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def _handed(job: Job | None) -> Job | None:
    """Return what the first process hands to all; the others give nothing."""
    import torch

    box: list[Any] = [job]
    torch.distributed.broadcast_object_list(box, src=0, device=torch.device("cpu"))
    handed: Job | None = box[0]
    return handed
