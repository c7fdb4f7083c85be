"""One model trained by several processes of this machine.

Reads and writes what one process would. Its one idea: every process goes through the same run, each with its share of the
rows of every step; the first keeps states, scores checkpoints and writes the artefact, and tells whoever waits how it goes.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, NoReturn

from codeprimer.core.console import Console, StoppedError, Task
from codeprimer.core.errors import CodeprimerError, Interrupted
from codeprimer.core.interrupts import children_ignore_ctrl_c
from codeprimer.core.stage import Stats, Tools
from codeprimer.engines.local import exit_with_parent
from codeprimer.training.job import Job, take_part

LONGEST_WAIT = timedelta(days=1)
"""So long a process waits for the others; the first may be scoring a checkpoint. Whether they live is seen otherwise."""

GRACE_SECONDS = 60.0
"""How long processes have to save what they have done [s]."""

_RENDEZVOUS = "rendezvous"


def train_together(job: Job, tools: Tools) -> Stats:
    """Train with as many processes as the settings say; raises what one process would."""
    (job.out.work / _RENDEZVOUS).unlink(missing_ok=True)
    context = get_context("spawn")
    processes: list[SpawnProcess] = []
    ears: list[Connection] = []
    for rank in range(job.settings.processes):
        ear, mouth = context.Pipe(duplex=False)
        process = context.Process(target=_run, args=(job, rank, mouth, os.getpid()), name=f"rank {rank}")
        with children_ignore_ctrl_c():
            process.start()
        mouth.close()
        processes.append(process)
        ears.append(ear)
    try:
        return _listen(processes, ears, tools)
    finally:
        _end(processes)


def _listen(processes: Sequence[SpawnProcess], ears: list[Connection], tools: Tools) -> Stats:
    """Pass on what is said until the first process is done. Raises what any of them raised."""
    task: Task | None = None
    stats: Stats | None = None
    open_ears = list(ears)
    opened: list[Any] = []
    try:
        while open_ears:
            for ear in wait(open_ears, timeout=1.0):
                assert isinstance(ear, Connection)
                try:
                    kind, *what = ear.recv()
                except EOFError:
                    open_ears.remove(ear)
                    _check(processes[ears.index(ear)], is_done=stats is not None)
                    continue
                if kind == "task":
                    opened.append(tools.console.task(*what))
                    task = opened[-1].__enter__()
                elif kind == "advance" and task is not None:
                    task.advance(*what)
                elif kind == "warning":
                    tools.console.warn(*what)
                elif kind == "error":
                    raise _cause(what[0], processes)
                elif kind == "end":
                    stats = what[0]
            if task is not None:
                task.advance(0)  # whether the work has been stopped
    finally:
        for one in reversed(opened):
            one.__exit__(None, None, None)
    assert stats is not None, "the first process has ended without a word"
    return stats


def _check(process: SpawnProcess, is_done: bool) -> None:
    process.join(GRACE_SECONDS)
    if process.exitcode and not is_done:
        raise _ended(process)


def _ended(process: SpawnProcess) -> CodeprimerError:
    code = process.exitcode or 0
    how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
    return CodeprimerError(
        f"training: {process.name} of those that train together was ended {how}; run again to continue"
    )


def _cause(error: Exception, processes: Sequence[SpawnProcess]) -> Exception:
    """Return why the processes ended: what one of them met without knowing why may be that another was killed."""
    if isinstance(error, CodeprimerError):
        return error
    until = time.monotonic() + 2.0
    while time.monotonic() < until:
        for process in processes:
            if process.exitcode is not None and process.exitcode < 0:
                return _ended(process)
        time.sleep(0.05)
    return error


def _end(processes: Sequence[SpawnProcess]) -> None:
    """Have all processes save and end, and those that do not end anyhow."""
    for process in processes:
        if process.is_alive():
            process.terminate()
    until = time.monotonic() + GRACE_SECONDS
    for process in processes:
        process.join(max(0.0, until - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()


# --- in a process of its own ------------------------------------------------------------------------------------------


class _FarTask(Task):
    """Progress that somebody else shows."""

    def __init__(self, title: str, total: int, console: _FarConsole) -> None:
        super().__init__(title, total, console.stop)
        self._console = console
        console.tell("task", title, total)

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Say that ``amount`` more is done."""
        self.done += amount
        self._console.tell("advance", amount, note)


class _FarConsole(Console):
    """Where the first process reports to; the others say only what went wrong."""

    def __init__(self, mouth: Connection, is_first: bool) -> None:
        super().__init__("quiet")
        self._mouth = mouth
        self._is_first = is_first

    def tell(self, *what: object) -> None:
        """Tell whoever waits."""
        if self._is_first:
            self._mouth.send(what)

    def warn(self, text: str) -> None:
        """Have a warning printed."""
        self.tell("warning", text)

    def task(self, title: str, total: int = 0) -> Any:
        """Have progress shown."""
        return nullcontext(_FarTask(title, total, self))


def _interrupted(*_: object) -> NoReturn:
    raise Interrupted("stopped")


def _run(job: Job, rank: int, mouth: Connection, parent: int) -> None:
    """Go through the run as one of its processes."""
    exit_with_parent(parent)
    try:
        _say_how_it_went(job, rank, mouth)
    except (Interrupted, StoppedError):
        os._exit(Interrupted.exit_code)
    os._exit(0)  # the others may still be there, and torch waits for them


def _say_how_it_went(job: Job, rank: int, mouth: Connection) -> None:
    try:
        _meet(
            job, rank
        )  # SIGTERM ends it at once: nobody has done anything yet, and who waits for the others hears nothing
        signal.signal(signal.SIGTERM, _interrupted)
        stats = take_part(job, job.tools(_FarConsole(mouth, rank == 0)), job.settings.processes)
    except (Interrupted, StoppedError):
        raise
    except Exception as error:
        mouth.send(("error", error))
        os._exit(1)
    if stats is not None:
        mouth.send(("end", stats))
    mouth.close()


def _meet(job: Job, rank: int) -> None:
    """Have the processes know each other."""
    import torch

    from codeprimer.training.device import device_of

    has_gpu = job.settings.device == "cuda"
    if has_gpu:
        torch.cuda.set_device(device_of(job.settings, rank))
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # all are on this machine
    torch.distributed.init_process_group(
        "cpu:gloo,cuda:nccl" if has_gpu else "gloo",
        init_method=f"file://{(job.out.work / _RENDEZVOUS).absolute()}",
        rank=rank,
        world_size=job.settings.processes,
        timeout=LONGEST_WAIT,
    )
