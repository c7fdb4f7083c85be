"""Kills orphaned processes, for tiers that do not stop programs from starting processes (Linux)."""

from __future__ import annotations

import contextlib
import os
import signal


def end_orphans(spare: int) -> None:
    """Kill and reap the orphans that this process has inherited, except ``spare``."""
    me = str(os.getpid())
    while found := [pid for pid in _processes() if pid != spare and _parent_of(pid) == me]:
        for pid in found:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def _parent_of(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[1]
    except OSError:
        return ""
