"""The walls around the zygote and its children.

The zygote builds the expensive walls once, for all its children; each child adds its own walls just before it runs
untrusted code. If a requested wall cannot be built, that is an error; the jail is never weakened instead.
"""

from __future__ import annotations

import contextlib
import math
import os
import resource
import select
import signal
import socket
import sys
import sysconfig
from collections.abc import Sequence
from typing import Any

from . import landlock, namespaces, seccomp, system
from .orphans import end_orphans

GRACE_SECONDS = 1.0
"""The kernel kills a child this long after the zygote's own timer [s]."""

RESERVED_BYTES = 2**21
"""Memory that is released only after all other memory has run out, so that this can be reported [bytes]."""

MAX_THREADS = 64
"""Maximum number of processes and threads in one jail, including the zygote and the judge."""

_INSTALLED = ("site-packages", "dist-packages")

Limit = tuple[int, int]
"""A kernel limit: the resource and its value."""


class Walls:
    """The walls that ``configuration`` requests: ``namespaces``, ``landlock``, ``seccomp`` (booleans), ``root`` (an empty
    folder), ``canary`` (the name of a file) and ``cgroups`` (the files that add a process to a control group)."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        self.namespaces: bool = configuration["namespaces"]
        self.landlock: bool = configuration["landlock"]
        self.seccomp: bool = configuration["seccomp"]
        self._root: str = configuration["root"]
        self._canary: str = configuration["canary"]
        self._cgroups: list[str] = configuration["cgroups"]
        self.open_descriptors: list[int] = []
        """Descriptors that ``enclose`` needs."""
        self._scope = -1
        self._of_child: seccomp.Filter | None = None
        self._is_listed = False

    @property
    def is_alone(self) -> bool:
        """Whether a child cannot start processes."""
        return self.seccomp

    def build(self, caller: socket.socket) -> None:
        """Continue in a child and build the walls that all its children share; this process only watches and cleans up.

        Raises OSError.
        """
        readable, hidden = readable_paths(), hidden_paths()
        for entry in self._cgroups:
            # Control groups only back up other limits, so a failure here is ignored.
            with contextlib.suppress(OSError), open(entry, "w") as file:
                file.write(str(os.getpid()))
        if self.namespaces:
            namespaces.enter(readable, hidden, self._root, self._canary)
        else:
            os.chdir(self._root)
        if system.IS_LINUX and not self.seccomp:
            system.prctl(
                "child_subreaper", system.PR_SET_CHILD_SUBREAPER, 1
            )  # orphans become our children, and we kill them
        _fork_watched(caller, os.path.dirname(self._root))
        if system.IS_LINUX:
            system.prctl("no_new_privs", system.PR_SET_NO_NEW_PRIVS, 1)
            system.prctl("dumpable", system.PR_SET_DUMPABLE, 0)  # its memory, and its children's, cannot be read
        if self.landlock:
            own = [namespaces.EMPTY if self.namespaces else self._root]
            ruleset = landlock.files_ruleset([*readable, *own], hidden, namespaces.DEVICES[:1])
            landlock.restrict(ruleset)
            os.close(ruleset)
            self._scope = landlock.scope_ruleset()
            self.open_descriptors = [self._scope]
        set_limits([(resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)])
        if self.namespaces:
            set_limits([(resource.RLIMIT_NPROC, MAX_THREADS)])  # counts only processes in this namespace
        if self.seccomp:
            self._of_child = seccomp.of_child()
        if system.IS_LINUX and not self.seccomp:
            system.prctl("child_subreaper", system.PR_SET_CHILD_SUBREAPER, 1)

    def enclose_zygote(self) -> None:
        """Restrict this process and its later children to the system calls that they need. Raises OSError."""
        if self.seccomp and not self._is_listed:
            seccomp.of_zygote().install(0)
            self._is_listed = True

    def enclose(self, limits: Sequence[Limit], parent: int) -> None:
        """Enclose this child in its own walls. Raises OSError."""
        os.setsid()
        if (
            system.IS_LINUX and not self.namespaces
        ):  # in a namespace, the kernel kills all processes when the first, the zygote, ends
            system.prctl("pdeathsig", system.PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
        set_limits(limits)
        self.enclose_signals()
        self.enclose_calls()

    def enclose_signals(self) -> None:
        """Confine signals. Raises OSError."""
        if self.landlock:
            landlock.restrict(self._scope)
            os.close(self._scope)

    def enclose_calls(self) -> None:
        """Drop every capability and every unneeded system call. Raises OSError."""
        if system.IS_LINUX:
            system.drop_capabilities()
        if self._of_child is not None:
            self.enclose_zygote()
            self._of_child.install(os.getpid())


def _fork_watched(caller: socket.socket, home: str) -> None:
    """Continue in a child. This process waits until the child or the caller ends, kills the child, and removes ``home``."""
    alive, kept_open = os.pipe()  # the child's children close it, so it closes when the child ends
    child = os.fork()
    if child == 0:
        os.close(alive)
        if system.IS_LINUX:
            system.prctl("pdeathsig", system.PR_SET_PDEATHSIG, signal.SIGKILL)
        return
    import shutil

    os.close(kept_open)
    poll = select.poll()
    poll.register(alive, select.POLLIN)
    poll.register(caller, 0)
    poll.poll()
    poll.unregister(caller)
    poll.poll(GRACE_SECONDS * 1000)  # a healthy child notices that the caller has ended, and ends its own children
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    end_orphans(0)
    shutil.rmtree(home, ignore_errors=True)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def limits_of_child(limits: dict[str, Any]) -> list[Limit]:
    """Return the kernel's limits for a child; the time limit is a fallback for the zygote's own timer."""
    wanted = [
        (resource.RLIMIT_NOFILE, limits["open_files"]),
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_CPU, math.ceil(limits["seconds"] + GRACE_SECONDS)),
    ]
    highest = {which: resource.getrlimit(which)[1] for which, _ in wanted}
    return [
        (which, value if highest[which] == resource.RLIM_INFINITY else min(value, highest[which]))
        for which, value in wanted
    ]


def set_limits(limits: Sequence[Limit]) -> None:
    """Set the kernel's limits for this process. Raises OSError."""
    for which, value in limits:
        _set_limit(which, value)


def _set_limit(which: int, value: int) -> None:
    soft = value - RESERVED_BYTES if which == resource.RLIMIT_AS else value
    try:
        resource.setrlimit(which, (soft, value))
    except (OSError, ValueError):
        if sys.platform == "linux":
            raise
        # macOS rejects some limits, such as the address space; its tier is weak anyway.


def readable_paths() -> list[str]:
    """Return the files and folders that Python needs: the standard library and the system's shared libraries."""
    libraries = {os.path.dirname(path) for path in _mapped_files() if ".so" in os.path.basename(path)}
    found = {*libraries, *_standard_library(), "/lib64", "/etc/ld.so.cache"}
    paths = sorted(path for path in found if path and os.path.exists(path))
    return [path for path in paths if not any(path != other and path.startswith(other + "/") for other in paths)]


def hidden_paths() -> list[str]:
    """Return the folders of installed packages inside the standard library's folder."""
    found = {os.path.realpath(os.path.join(folder, name)) for folder in _standard_library() for name in _INSTALLED}
    return sorted(path for path in found if os.path.isdir(path))


def _standard_library() -> set[str]:
    return {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), os.path.dirname(os.__file__)}


def _mapped_files() -> list[str]:
    try:
        with open("/proc/self/maps") as file:
            return [line.split(None, 5)[5].strip() for line in file if "/" in line]
    except OSError:
        return []
