"""Training of one model by several processes on this machine.

Reads and writes the same files as a single process. Key idea: every process executes the same run on its own rows of every
batch; rank 0 saves states, scores checkpoints, writes the artefact and reports progress to the parent process.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
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
"""Timeout for collective operations; it is long because rank 0 may be scoring a checkpoint. The parent detects dead
processes."""

GRACE_SECONDS = 60.0
"""Time given to processes to save their state before they are killed [s]."""

_RENDEZVOUS = "rendezvous"


def train_together(job: Job, tools: Tools) -> Stats:
    """Train with ``settings.processes`` processes; raises the same errors as a single process."""
    (job.out.work / _RENDEZVOUS).unlink(missing_ok=True)
    context = get_context("spawn")
    processes: list[SpawnProcess] = []
    receivers: list[Connection] = []
    for rank in range(job.settings.processes):
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_run, args=(job, rank, sender, os.getpid()), name=f"rank {rank}")
        with children_ignore_ctrl_c():
            process.start()
        sender.close()
        processes.append(process)
        receivers.append(receiver)
    try:
        return _listen(processes, receivers, tools)
    finally:
        _end(processes)


def _listen(processes: Sequence[SpawnProcess], receivers: list[Connection], tools: Tools) -> Stats:
    """Handle messages until the last process has ended; return the statistics from rank 0, and raise any process's error."""
    stats: Stats | None = None
    waiting = list(receivers)
    with ExitStack() as opened:
        task: Task | None = None
        while waiting:
            for receiver in wait(waiting, timeout=1.0):
                assert isinstance(receiver, Connection)
                try:
                    kind, *content = receiver.recv()
                except EOFError:
                    waiting.remove(receiver)
                    _check(processes[receivers.index(receiver)], is_done=stats is not None)
                    continue
                if kind == "task":
                    task = opened.enter_context(tools.console.task(*content))
                elif kind == "advance" and task is not None:
                    task.advance(*content)
                elif kind == "warning":
                    tools.console.warn(*content)
                elif kind == "error":
                    raise _cause(content[0], processes)
                elif kind == "end":
                    stats = content[0]
            if task is not None:
                task.advance(0)  # raises if the work has been stopped
    assert stats is not None, "rank 0 has ended without a result"
    return stats


def _check(process: SpawnProcess, is_done: bool) -> None:
    process.join(GRACE_SECONDS)
    if process.exitcode and not is_done:
        raise _ended(process)


def _ended(process: SpawnProcess) -> CodeprimerError:
    code = process.exitcode or 0
    how = f"was killed by signal {-code}" if code < 0 else f"exited with code {code}"
    return CodeprimerError(f"training: the process of {process.name} {how}; run again to resume")


def _cause(error: Exception, processes: Sequence[SpawnProcess]) -> Exception:
    """Return the root cause of an error, which may be another process's death."""
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
    """Terminate all processes, which save their state first; kill those that do not end in time."""
    for process in processes:
        if process.is_alive():
            process.terminate()
    until = time.monotonic() + GRACE_SECONDS
    for process in processes:
        process.join(max(0.0, until - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()


# --- in a separate process --------------------------------------------------------------------------------------------


class _RemoteTask(Task):
    """Progress that the parent process displays."""

    def __init__(self, title: str, total: int, console: _RemoteConsole) -> None:
        super().__init__(title, total, console.stop)
        self._console = console
        console.send("task", title, total)

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Report progress."""
        self.done += amount
        self._console.send("advance", amount, note)


class _RemoteConsole(Console):
    """The console of rank 0, forwarded to the parent process; the other ranks send only errors."""

    def __init__(self, sender: Connection, is_first: bool) -> None:
        super().__init__("quiet")
        self._sender = sender
        self._is_first = is_first

    def send(self, *message: object) -> None:
        """Send a message to the parent process."""
        if self._is_first:
            self._sender.send(message)

    def warn(self, text: str) -> None:
        """Have the parent print a warning."""
        self.send("warning", text)

    def task(self, title: str, total: int = 0) -> Any:
        """Have the parent show progress."""
        return nullcontext(_RemoteTask(title, total, self))


def _interrupted(*_: object) -> NoReturn:
    raise Interrupted("stopped")


def _run(job: Job, rank: int, sender: Connection, parent: int) -> None:
    """Execute the run as one of its ranks."""
    exit_with_parent(parent)
    try:
        _run_and_report(job, rank, sender)
    except (Interrupted, StoppedError):
        os._exit(Interrupted.exit_code)
    os._exit(0)  # at a normal exit torch would wait for the other ranks


def _run_and_report(job: Job, rank: int, sender: Connection) -> None:
    try:
        _join(job, rank)  # until here, SIGTERM ends the process at once: collective operations cannot be interrupted
        signal.signal(signal.SIGTERM, _interrupted)
        stats = take_part(job, job.tools(_RemoteConsole(sender, rank == 0)), job.settings.processes)
    except (Interrupted, StoppedError):
        raise
    except Exception as error:
        sender.send(("error", error))
        os._exit(1)
    if stats is not None:
        sender.send(("end", stats))
    sender.close()


def _join(job: Job, rank: int) -> None:
    """Initialise the process group."""
    import torch

    from codeprimer.training.device import device_of

    has_gpu = job.settings.device == "cuda"
    if has_gpu:
        torch.cuda.set_device(device_of(job.settings, rank))
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # all ranks are on this machine
    torch.distributed.init_process_group(
        "cpu:gloo,cuda:nccl" if has_gpu else "gloo",
        init_method=f"file://{(job.out.work / _RENDEZVOUS).absolute()}",
        rank=rank,
        world_size=job.settings.processes,
        timeout=LONGEST_WAIT,
    )
