"""Control groups: an upper bound for all processes of one jail together, where the system lets us make one.

Writes folders below ``/sys/fs/cgroup`` (version 2, else 1), named after this process, and removes them. One idea: they
are a second fence behind the kernel's limits per process, so where they cannot be had nothing is said; what is left
behind by a process that was killed is removed by the next one.
"""

from __future__ import annotations

import itertools
import os
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PREFIX = "codeprimer"
MOST_TASKS = 64
"""Processes and threads of one jail."""
MOST_MEMORY = 4 * 2**30
"""Of one jail, whatever its programs may have each [bytes]."""

_numbers = itertools.count()
_REMOVAL_TRIES, _REMOVAL_PAUSE = 40, 0.05


class Group:
    """The groups of one jail; ``doors`` are the files through which a process enters them."""

    def __init__(self) -> None:
        self._folders: list[Path] = []
        self.doors: list[str] = []
        name = f"{PREFIX}-{os.getpid()}-{next(_numbers)}"
        for parent, limits in _controllers():
            _sweep(parent)
            with suppress(OSError):
                self._open(parent / name, limits)

    def _open(self, folder: Path, limits: dict[str, int]) -> None:
        folder.mkdir()
        self._folders.append(folder)
        for file, value in limits.items():
            (folder / file).write_text(str(value))
        self.doors.append(str(folder / "cgroup.procs"))

    def close(self) -> None:
        """Remove the groups; the system takes a moment to see that they are empty."""
        for folder in self._folders:
            for _ in range(_REMOVAL_TRIES):
                if _removed(folder):
                    break
                time.sleep(_REMOVAL_PAUSE)
        self._folders = []


def _controllers() -> list[tuple[Path, dict[str, int]]]:
    """Return where groups can be made, and the limits to write there."""
    if (ROOT / "cgroup.controllers").exists():
        return [(ROOT, {"pids.max": MOST_TASKS, "memory.max": MOST_MEMORY})]
    version_1 = [
        (ROOT / "pids", {"pids.max": MOST_TASKS}),
        (ROOT / "memory", {"memory.limit_in_bytes": MOST_MEMORY}),
    ]
    return [(parent, limits) for parent, limits in version_1 if parent.is_dir()]


def _sweep(parent: Path) -> None:
    """Remove the empty groups of processes that are gone."""
    for folder in parent.glob(f"{PREFIX}-*-*"):
        owner = folder.name.split("-")[1]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            _removed(folder)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
