"""Starts the zygote's children behind their walls, and kills them together with all processes that they have started."""

from __future__ import annotations

import _socket
import contextlib
import os
import signal
from collections.abc import Callable, Sequence

from . import namespaces, system
from .orphans import end_orphans
from .walls import Limit, Walls

_SIGKILL = int(signal.SIGKILL)


class Children:
    """Forks and ends children; create it in the process that forks."""

    def __init__(self, walls: Walls) -> None:
        self.walls = walls
        self._pid = os.getpid()
        self._fresh_pids = namespaces.FreshPids() if walls.namespaces else None

    def fork(self, limits: Sequence[Limit] | None, body: Callable[..., None], *streams: _socket.socket) -> int:
        """Start a child behind all walls, with no file open except ``streams``; if ``limits`` is None, without any walls.

        Returns its id. Every memory page that this method touches is copied after the fork, so it touches few.
        """
        fresh_pids = self._fresh_pids
        if fresh_pids is not None:
            fresh_pids.begin()
        pid = system.fork()
        if pid == 0:
            leave = os._exit
            try:
                _close_all_but([*(stream.fileno() for stream in streams), *self.walls.open_descriptors])
                open_null()
                if limits is not None:
                    self.walls.enclose(limits, self._pid)
                body(*streams)
                leave(0)
            finally:
                leave(1)
        if fresh_pids is not None:
            fresh_pids.end()
        return pid

    def end(self, pid: int, spare: int = 0) -> int:
        """Kill and reap a child and everything it may have started, except ``spare``; return its exit status."""
        if self.walls.is_alone:
            os.kill(pid, _SIGKILL)  # it still exists: no other process reaps it
            return os.waitpid(pid, 0)[1]
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(pid, _SIGKILL)
        status = os.waitpid(pid, 0)[1]
        end_orphans(spare)
        return status


def open_null() -> None:
    """Open a private null device as standard input and output: a shared device would leak flags between programs."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)


def _close_all_but(descriptors: list[int]) -> None:
    last = 2
    for descriptor in sorted(descriptors):
        os.closerange(last + 1, descriptor)
        last = descriptor
    os.closerange(last + 1, 2**16)
