"""The probe: a child that attacks the jail wall by wall.

Reports which walls held. A jail is trusted for what it demonstrably prevents, not for what was configured; each wall is
attacked as soon as it is up, before the next one can hide its failure.
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
from typing import Any

from . import landlock, namespaces, system, walls
from .children import Children
from .walls import Walls

TIMEOUT_SECONDS = 20.0
LIMITS: dict[str, Any] = {"seconds": 5, "wall_seconds": 10, "memory_bytes": 2**29, "open_files": 32}
_NO_PROCESS = 2**22 + 1
"""No process has this id, so an attack that succeeds does no harm."""

_LOOPS, _ROUNDS = 50_000, 5

_Attempt = Callable[[], object]


def examine(children: Children, configuration: dict[str, Any]) -> dict[str, Any]:
    """Return ``held`` (wall: whether it held) and ``seconds``, the time that a fixed workload took [s]."""
    listener = _abstract_listener()
    abstract = listener.getsockname() if listener is not None else b""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        child = children.fork(None, lambda stream: _probe(children.walls, configuration, abstract, stream), theirs)
        theirs.close()
        ready, _, _ = select.select([ours], [], [], TIMEOUT_SECONDS)
        content = ours.recv(2**16) if ready else b""
        children.end(child)
    if listener is not None:
        listener.close()
    return {"held": json.loads(content or b"{}"), "seconds": _fixed_workload()}


def _abstract_listener() -> socket.socket | None:
    if not system.IS_LINUX:
        return None
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(b"\0" + os.urandom(8).hex().encode())
    listener.listen()
    return listener


def _fixed_workload() -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        started, value = time.process_time(), 1
        for _ in range(_LOOPS):
            value = value * 1103515245 + 12345 & 0x7FFFFFFF
        best = min(best, time.process_time() - started)
    return best


def _probe(built: Walls, configuration: dict[str, Any], abstract: bytes, answer: socket.socket) -> None:
    import fcntl  # noqa: F401 - imported while files can still be opened; in the zygote, every child would inherit it
    import mmap  # noqa: F401 - for the same reason

    held: dict[str, bool] = {}
    try:
        for wall, holds in _attacks(built, configuration, abstract):
            held[wall] = holds
    except OSError as error:
        held[f"{error.strerror or error}"] = False  # a wall that cannot even be built
    answer.send(json.dumps(held).encode())


def _attacks(built: Walls, configuration: dict[str, Any], abstract: bytes) -> Iterator[tuple[str, bool]]:
    if system.IS_LINUX:
        yield "no new privileges", system.prctl("no_new_privs", system.PR_GET_NO_NEW_PRIVS) == 1
    if built.namespaces:
        yield from _namespaces(configuration)
    if built.landlock:
        yield from _files(configuration, built.namespaces)
        outsider, end_outsider = _outsider()
        built.enclose_signals()
        if landlock.has_scope():
            yield "landlock scope", _fails(lambda: socket.socket(socket.AF_UNIX).connect(abstract), errno.EPERM)
            yield "landlock scope of signals", _fails(lambda: os.kill(outsider, 0), errno.EPERM)
        os.close(end_outsider)
        os.waitpid(outsider, 0)
    if system.IS_LINUX:
        system.drop_capabilities()
        yield "no capabilities", _fails(lambda: namespaces.unshare(namespaces.NEW_UTS), errno.EPERM)
    walls.set_limits(walls.limits_of_child(LIMITS))
    yield from _limits()
    if built.seccomp:
        built.enclose_calls()
        yield from _calls()


def _outsider() -> tuple[int, int]:
    """Start a process outside the child's own walls; return its id, and a descriptor that ends it when closed."""
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


def _files(configuration: dict[str, Any], has_own_root: bool) -> Iterator[tuple[str, bool]]:
    canary = "/" + configuration["canary"] if has_own_root else configuration["outside"]
    exists = not _fails(lambda: os.stat(canary))
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
    attach = system.NR_PTRACE, 16, ctypes.c_long(_NO_PROCESS), 0, 0
    yield "seccomp trace", _fails(lambda: system.call("ptrace", *attach), errno.EPERM)
    yield "seccomp signal", _fails(lambda: os.kill(_NO_PROCESS, 0), errno.EPERM)
    yield "seccomp owner of a descriptor", _fails(lambda: fcntl.fcntl(0, fcntl.F_SETOWN, 2), errno.EPERM)
    yield "seccomp exec", _fails(lambda: os.execv("/nowhere", ["nowhere"]), errno.EPERM)
    yield "seccomp unshare", _fails(lambda: namespaces.unshare(namespaces.NEW_USER), errno.EPERM)


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _fails(attempt: _Attempt, *codes: int) -> bool:
    """Return whether an attempt fails, with one of these error codes if any are given."""
    try:
        attempt()
    except OSError as error:
        return not codes or error.errno in codes
    return False
