"""Control groups: limits on all processes of one jail together, if the system lets us create groups.

Creates folders below ``/sys/fs/cgroup`` (version 2, else 1), named after this process, and removes them. They back up
the kernel's per-process limits, so it is not an error if the system forbids them. Groups left behind by a killed
process are removed when the next jail opens.
"""

from __future__ import annotations

import itertools
import os
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PREFIX = "codeprimer"
MAX_TASKS = 64
"""Maximum number of processes and threads in one jail."""
MAX_MEMORY = 4 * 2**30
"""Memory limit for one jail, independent of its programs' own limits [bytes]."""

_numbers = itertools.count()
_REMOVAL_TRIES, _REMOVAL_PAUSE = 40, 0.05


class ControlGroups:
    """The control groups of one jail; a process joins them by writing its id to every file in ``entries``."""

    def __init__(self) -> None:
        self._folders: list[Path] = []
        self.entries: list[str] = []
        name = f"{PREFIX}-{os.getpid()}-{next(_numbers)}"
        for parent, limits in _controllers():
            _remove_stale(parent)
            with suppress(OSError):
                self._create(parent / name, limits)

    def _create(self, folder: Path, limits: dict[str, int]) -> None:
        folder.mkdir()
        self._folders.append(folder)
        for file, value in limits.items():
            (folder / file).write_text(str(value))
        self.entries.append(str(folder / "cgroup.procs"))

    def close(self) -> None:
        """Remove the groups; the kernel takes a moment to notice that they are empty."""
        for folder in self._folders:
            for _ in range(_REMOVAL_TRIES):
                if _removed(folder):
                    break
                time.sleep(_REMOVAL_PAUSE)
        self._folders = []


def _controllers() -> list[tuple[Path, dict[str, int]]]:
    """Return the folders in which cgroups can be created, each with the limits to write."""
    if (ROOT / "cgroup.controllers").exists():
        return [(ROOT, {"pids.max": MAX_TASKS, "memory.max": MAX_MEMORY})]
    version_1 = [
        (ROOT / "pids", {"pids.max": MAX_TASKS}),
        (ROOT / "memory", {"memory.limit_in_bytes": MAX_MEMORY}),
    ]
    return [(parent, limits) for parent, limits in version_1 if parent.is_dir()]


def _remove_stale(parent: Path) -> None:
    """Remove the empty groups of processes that have exited."""
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
