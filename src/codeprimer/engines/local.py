"""The default engine: worker processes on this machine, or none.

Each unit of work is done exactly once, in its own folder, which is renamed when complete; a killed run continues with
the missing units. Results are returned in the order of the units, not of their completion.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path

from pydantic import Field

from codeprimer.core.artifact import make_once
from codeprimer.core.console import Console
from codeprimer.core.engine import Engine, Unit
from codeprimer.core.errors import UserError
from codeprimer.core.interrupts import first_done
from codeprimer.core.plugins import PluginSettings
from codeprimer.core.stage import available_cores

_PARENT_DEATH_SIGNAL = 1  # prctl(2): PR_SET_PDEATHSIG


class LocalSettings(PluginSettings):
    """Worker processes on this machine."""

    processes: int = Field(default=0, ge=0, le=1024, description="Worker processes; 0: one per core.")


class LocalEngine(Engine):
    """Runs units in worker processes; with ``processes: 1``, in this process."""

    Settings = LocalSettings

    def __init__(self, settings: LocalSettings, *, console: Console) -> None:
        super().__init__(settings)
        self.console = console
        self.processes = settings.processes or available_cores()

    def map(
        self, function: Callable[[Unit, Path], None], units: Iterable[Unit], work: Path, title: str
    ) -> Generator[Path, None, None]:
        """See ``core.engine.Engine.map``; at most four units per process are in flight, which bounds memory."""
        listed = list(units)
        work.mkdir(parents=True, exist_ok=True)
        folders = [work / f"{index:05d}" for index in range(len(listed))]
        run = self._serial if self.processes == 1 or len(listed) < 2 else self._parallel
        with self.console.task(title, len(listed)) as task, closing(run(function, listed, folders)) as made:
            for folder in made:
                task.advance()
                yield folder

    def _serial(
        self, function: Callable[[Unit, Path], None], units: list[Unit], folders: list[Path]
    ) -> Generator[Path, None, None]:
        for unit, folder in zip(units, folders, strict=True):
            _make(function, unit, folder)
            yield folder

    def _parallel(
        self, function: Callable[[Unit, Path], None], units: list[Unit], folders: list[Path]
    ) -> Generator[Path, None, None]:
        # Spawned, not forked: the parent may have threads (Arrow, torch), and a fork could copy their locks while held.
        pool = ProcessPoolExecutor(
            self.processes, multiprocessing.get_context("spawn"), exit_with_parent, (os.getpid(),)
        )
        waiting: deque[tuple[Future[None], Path]] = deque()
        remaining = iter(zip(units, folders, strict=True))
        try:
            for unit, folder in remaining:
                waiting.append((pool.submit(_make, function, unit, folder), folder))
                if len(waiting) >= 4 * self.processes:
                    yield _finished(*waiting.popleft())
            while waiting:
                yield _finished(*waiting.popleft())
        except BrokenProcessPool:
            raise UserError(
                "a worker process was killed, probably because memory ran out; run again with more memory or "
                "with --processes 1: the run resumes"
            ) from None
        except BaseException:
            # An incomplete unit is done again anyway, so neither this block nor the exit of this process waits for it.
            for process in list((pool._processes or {}).values()):
                process.kill()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def local_engine(console: Console, processes: int = 0) -> LocalEngine:
    """Return an engine with ``processes`` worker processes; 0: one per core."""
    return LocalEngine(LocalSettings(kind="local", processes=processes), console=console)


def _make(function: Callable[[Unit, Path], None], unit: Unit, folder: Path) -> None:
    make_once(folder, lambda temporary: function(unit, temporary))


def _finished(future: Future[None], folder: Path) -> Path:
    first_done([future])
    future.result()
    return folder


def exit_with_parent(parent: int) -> None:
    """End this worker when its parent ends, even by SIGKILL; ignore Ctrl-C, which the parent handles."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    if sys.platform != "linux":
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
