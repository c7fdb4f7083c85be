"""The probe: a child that tries, wall by wall, to do what it must not be able to do.

Writes which walls held. One idea: a jail is believed for what it prevents, not for what was asked of it; so each wall
is tried as soon as it stands, before the next one could hide that it does not.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from . import landlock, namespaces, system, walls
from .walls import Walls

if TYPE_CHECKING:
    from .zygote import Zygote

PATIENCE_SECONDS = 20.0
LIMITS: dict[str, Any] = {"seconds": 5, "wall_seconds": 10, "memory_bytes": 2**29, "open_files": 32}
_NOBODY = 2**22 + 1
"""No process has this number, so that a try that is not stopped does no harm."""

_LOOPS, _ROUNDS = 50_000, 5

_Attempt = Callable[[], object]


def examine(zygote: Zygote, configuration: dict[str, Any]) -> dict[str, Any]:
    """Return ``held`` (wall: whether it held) and ``seconds``, how long a fixed piece of work takes here [s]."""
    listener = _abstract_listener()
    abstract = listener.getsockname() if listener is not None else b""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        child = zygote.fork(None, lambda stream: _probe(zygote, configuration, abstract, stream), theirs)
        theirs.close()
        ready, _, _ = select.select([ours], [], [], PATIENCE_SECONDS)
        content = ours.recv(2**16) if ready else b""
        zygote.end(child)
    if listener is not None:
        listener.close()
    return {"held": json.loads(content or b"{}"), "seconds": _fixed_work()}


def _abstract_listener() -> socket.socket | None:
    if not system.IS_LINUX:
        return None
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(b"\0" + os.urandom(8).hex().encode())
    listener.listen()
    return listener


def _fixed_work() -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        started, value = time.process_time(), 1
        for _ in range(_LOOPS):
            value = value * 1103515245 + 12345 & 0x7FFFFFFF
        best = min(best, time.process_time() - started)
    return best


def _probe(zygote: Zygote, configuration: dict[str, Any], abstract: bytes, answer: socket.socket) -> None:
    import fcntl  # noqa: F401 - here, where files can be opened yet; in the zygote, every child would carry it
    import mmap  # noqa: F401 - the same

    raised = zygote.walls
    held: dict[str, bool] = {}
    try:
        for wall, holds in _tries(raised, configuration, abstract):
            held[wall] = holds
    except OSError as error:
        held[f"{error.strerror or error}"] = False  # a wall that cannot even be raised
    answer.send(json.dumps(held).encode())


def _tries(raised: Walls, configuration: dict[str, Any], abstract: bytes) -> Iterator[tuple[str, bool]]:
    if system.IS_LINUX:
        yield "no new privileges", system.prctl("no_new_privs", system.PR_GET_NO_NEW_PRIVS) == 1
    if raised.namespaces:
        yield from _namespaces(configuration)
    if raised.landlock:
        yield from _files(configuration, raised.namespaces)
        outsider, signal_of_end = _outsider()
        raised.enclose_signals()
        if landlock.has_scope():
            yield "landlock scope", _fails(lambda: socket.socket(socket.AF_UNIX).connect(abstract), errno.EPERM)
            yield "landlock scope of signals", _fails(lambda: os.kill(outsider, 0), errno.EPERM)
        os.close(signal_of_end)
        os.waitpid(outsider, 0)
    if system.IS_LINUX:
        system.drop_capabilities()
        yield "no capabilities", _fails(lambda: namespaces.unshare(namespaces.NEW_UTS), errno.EPERM)
    walls.set_limits(walls.limits_of_child(LIMITS))
    yield from _limits()
    if raised.seccomp:
        raised.enclose_calls()
        yield from _calls()


def _outsider() -> tuple[int, int]:
    """Start a process that the child's own walls leave outside; return its id and what ends it when it is closed."""
    waiting, ending = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ending)
        os.read(waiting, 1)
        os._exit(0)
    os.close(waiting)
    return pid, ending


def _namespaces(configuration: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    yield "user namespace", _fails(lambda: os.setuid(4321), errno.EINVAL)
    yield "process namespace", os.getpid() == 1
    address = ("127.0.0.1", configuration["port"])
    yield "network namespace", _fails(lambda: socket.socket(type=socket.SOCK_DGRAM).connect(address), errno.ENETUNREACH)
    yield "host name namespace", os.uname().nodename == namespaces.HOST_NAME
    key = ctypes.c_int(configuration["memory_key"])
    yield (
        "shared memory namespace",
        _fails(lambda: system.call("shmget", system.NR_SHMGET, key, ctypes.c_size_t(1), 0), errno.ENOENT),
    )
    yield "mount namespace", _fails(lambda: os.open(configuration["outside"], os.O_RDONLY), errno.ENOENT)


def _files(configuration: dict[str, Any], is_new_world: bool) -> Iterator[tuple[str, bool]]:
    canary = "/" + configuration["canary"] if is_new_world else configuration["outside"]
    exists = not _fails(lambda: os.stat(canary))  # noqa: PTH116 - as a program would
    yield "landlock reading", exists and _fails(lambda: os.open(canary, os.O_RDONLY), errno.EACCES)
    yield "landlock writing", _fails(lambda: os.open("new", os.O_CREAT | os.O_WRONLY))


def _limits() -> Iterator[tuple[str, bool]]:
    import mmap

    yield "memory limit", _fails(lambda: mmap.mmap(-1, LIMITS["memory_bytes"]))
    yield "descriptor limit", _fails(lambda: [os.pipe() for _ in range(LIMITS["open_files"])], errno.EMFILE)


def _calls() -> Iterator[tuple[str, bool]]:
    import fcntl

    yield "seccomp fork", _fails(_fork, errno.EPERM)
    yield "seccomp socket", _fails(lambda: socket.socket(), errno.EPERM)
    attach = system.NR_PTRACE, 16, ctypes.c_long(_NOBODY), 0, 0
    yield "seccomp trace", _fails(lambda: system.call("ptrace", *attach), errno.EPERM)
    yield "seccomp signal", _fails(lambda: os.kill(_NOBODY, 0), errno.EPERM)
    yield "seccomp owner of a descriptor", _fails(lambda: fcntl.fcntl(0, fcntl.F_SETOWN, 2), errno.EPERM)
    yield "seccomp exec", _fails(lambda: os.execv("/nowhere", ["nowhere"]), errno.EPERM)
    yield "seccomp unshare", _fails(lambda: namespaces.unshare(namespaces.NEW_USER), errno.EPERM)


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _fails(attempt: _Attempt, *codes: int) -> bool:
    """Tell whether an attempt fails, and with one of these error codes where any are given."""
    try:
        attempt()
    except OSError as error:
        return not codes or error.errno in codes
    return False
