"""The process that forks one fresh child per program. Reads requests from standard input, writes verdicts to standard
output, one JSON line each; imports only the standard library, and the modules that programs commonly want.

One idea: whatever a child does, it is killed with its whole process group before its verdict is passed on, and orphans
that left the group come back to the zygote, which kills them too.
"""

from __future__ import annotations

import abc
import bisect
import collections
import copy
import ctypes
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import gc
import hashlib
import heapq
import itertools
import json
import math
import mmap
import operator
import os
import random
import re
import resource
import select
import shutil
import signal
import statistics
import string
import sys
import textwrap
import time
import types
import typing
from typing import Any, NoReturn

PREIMPORTED = (
    *(abc, bisect, collections, copy, dataclasses, datetime, decimal, enum, fractions, functools, hashlib),
    *(heapq, itertools, math, operator, statistics, string, textwrap, typing),
)
"""Imported so that programs find them warm."""

DETAIL_CHARACTERS = 300
VERDICT_BYTES = 2**16
"""A child that writes more than this to its verdict pipe is not listened to any longer [bytes]."""

RESERVED_BYTES = 2**21
"""Address space given back when memory runs out, so that the verdict can still be written [bytes]."""

GRACE_SECONDS = 1.0
"""How much later than the zygote's own timer the kernel's timers end a child [s]."""

TIME_SIGNALS = (signal.SIGPROF, signal.SIGXCPU, signal.SIGALRM)

_PARENT_DEATH_SIGNAL, _CHILD_SUBREAPER = 1, 36  # prctl(2)

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None

Finding = tuple[str, str]
"""The kind and the detail of a verdict."""


# --- in the child -----------------------------------------------------------------------------------------------------


def run_program(source: str, tests: list[str]) -> Finding:
    """Run ``source``, then each of ``tests``, in the namespace of a fresh ``__main__`` module."""
    assertion, memory, execute, make = AssertionError, MemoryError, exec, compile
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    running = ""
    reserve = mmap.mmap(-1, RESERVED_BYTES)  # never touched: memory that is written to would cost more than the fork
    try:
        execute(make(source, "<program>", "exec", dont_inherit=True), module.__dict__)
        for index, test in enumerate(tests, start=1):
            running = f"test {index}: {test}"
            execute(make(test, "<test>", "exec", dont_inherit=True), module.__dict__)
    except assertion as error:
        return "failed", _join(running, _message(error))
    except memory:
        reserve.close()
        return "out_of_memory", running
    except BaseException as error:
        return "raised", _join(_name(error) + _prefixed(_message(error)), running)
    return "passed", ""


def _name(error: BaseException) -> str:
    name = type.__getattribute__(type(error), "__name__")
    return name if type(name) is str else "an exception"


def _message(error: BaseException) -> str:
    try:
        text = str(error)
    except BaseException as second:
        return f"(its message cannot be shown: {_name(second)})"
    return text if type(text) is str else ""


def _prefixed(message: str) -> str:
    return f": {message}" if message else ""


def _join(first: str, second: str) -> str:
    # Each half is cut first, so that a long message never hides which test it was.
    halves = [_shorten(half, DETAIL_CHARACTERS // 2) for half in (first, second) if half]
    return " | ".join(halves)


def _shorten(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[: characters - 3] + "..."


def be_child(request: dict[str, Any], folder: str, pipe: int, nonce: bytes, parent: int) -> NoReturn:
    """Run the request under its limits, write the verdict behind ``nonce`` into ``pipe``, and end."""
    encode, write, leave = json.dumps, os.write, os._exit
    try:
        os.setsid()
        _die_with(parent)
        os.chdir(folder)
        random.seed(0)
        _limit(request["limits"])
        kind, detail = run_program(request["source"], request["tests"])
        write(pipe, nonce + encode([kind, detail]).encode() + b"\n")
    finally:
        leave(0)


def _die_with(parent: int) -> None:
    if _libc is not None:
        _libc.prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _limit(limits: dict[str, Any]) -> None:
    seconds, wall_seconds = limits["seconds"], limits["wall_seconds"]
    _set_limit(resource.RLIMIT_CORE, 0)
    _set_limit(resource.RLIMIT_FSIZE, 0)
    _set_limit(resource.RLIMIT_NOFILE, limits["open_files"])
    _set_limit(resource.RLIMIT_NPROC, 0)
    _set_limit(resource.RLIMIT_AS, limits["memory_bytes"])
    _set_limit(resource.RLIMIT_CPU, math.ceil(seconds + GRACE_SECONDS))
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, wall_seconds + GRACE_SECONDS)


def _set_limit(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    try:
        resource.setrlimit(which, (value, value))
    except (OSError, ValueError):
        # Some systems refuse single limits (macOS: the address space); the time limits hold in any case.
        return


# --- in the zygote ----------------------------------------------------------------------------------------------------


def judge(request: dict[str, Any], folder: str, requests: int, replies: int) -> Finding:
    """Fork a child for the request, wait for its verdict or its end, and leave no process of it behind."""
    limits = request["limits"]
    nonce = os.urandom(16).hex().encode()
    receive, send = os.pipe()
    # Kept open by a program that replaces itself (exec), so that the pipe ends when the process does.
    os.set_inheritable(send, True)
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        for descriptor in (requests, replies, receive):
            os.close(descriptor)
        be_child(request, folder, send, nonce, parent)
    os.close(send)
    try:
        content, late = _listen(receive, requests, limits["wall_seconds"])
    finally:
        os.close(receive)
        status, used_seconds = _end(child)
    finding = _finding(content, nonce)
    return finding or _without_verdict(status, late or used_seconds >= limits["seconds"])


def _listen(receive: int, requests: int, seconds: float) -> tuple[bytes, bool]:
    """Return what the child wrote until its verdict or its end, and whether time ran out first."""
    deadline = time.monotonic() + seconds
    poll = select.poll()
    poll.register(receive, select.POLLIN)
    poll.register(requests, 0)  # only a hang-up is reported: the caller has died
    content = b""
    while (left := deadline - time.monotonic()) > 0:
        events = dict(poll.poll(left * 1000))
        if events.get(requests, 0) & (select.POLLHUP | select.POLLERR):
            raise EOFError
        if receive in events:
            block = os.read(receive, 4096)
            content += block
            if not block or content.endswith(b"\n") or len(content) > VERDICT_BYTES:
                return content, False
    return content, True


def _end(child: int) -> tuple[int, float]:
    """Kill the child, its group and its orphans; return its exit status and the processor time it used [s]."""
    for kill in (os.killpg, os.kill):
        try:
            kill(child, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue
    _, status, usage = os.wait4(child, 0)
    while _has_children():
        for orphan in _children():
            os.kill(orphan, signal.SIGKILL)
            os.waitpid(orphan, 0)
    return status, usage.ru_utime + usage.ru_stime


def _has_children() -> bool:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _children() -> list[int]:
    """Return the processes whose parent is the zygote (Linux)."""
    me = os.getpid()
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - see above
        try:
            with open(f"/proc/{name}/stat") as file:  # noqa: PTH123 - see above
                parent = int(file.read().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == me:
            found.append(int(name))
    return found


class Folder:
    """An empty folder for each program in turn; one that a program left as it was serves the next."""

    def __init__(self, home: str) -> None:
        """Make folders in ``home``."""
        self._home = home
        self._number = -1
        self._facts: tuple[int, ...] = ()
        self.path = ""

    def renew(self) -> None:
        """Make sure that ``path`` is a folder that no program has changed."""
        # pathlib would be imported for this alone.
        if self._facts and self._look() == self._facts and not os.listdir(self.path):  # noqa: PTH208
            return
        if self._facts:
            shutil.rmtree(self.path, ignore_errors=True)
        self._number += 1
        self.path = f"{self._home}/{self._number}"
        os.mkdir(self.path, 0o700)  # noqa: PTH102
        self._facts = self._look()

    def _look(self) -> tuple[int, ...]:
        """Return what every change of the folder changes."""
        try:
            status = os.stat(self.path)  # noqa: PTH116
        except OSError:
            return ()
        return status.st_ino, status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns, status.st_ctime_ns


def _finding(content: bytes, nonce: bytes) -> Finding | None:
    """Return the verdict behind the nonce, or None where there is none."""
    place = content.rfind(nonce)
    if place < 0 or not content.endswith(b"\n"):
        return None
    kind, detail = json.loads(content[place + len(nonce) :])
    return kind, re.sub(r"\b0x[0-9a-fA-F]+", "0x...", _shorten(detail, DETAIL_CHARACTERS))


def _without_verdict(status: int, late: bool) -> Finding:
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if late or number in TIME_SIGNALS:
        return "timed_out", ""
    if number:
        return "killed", f"by signal {signal.Signals(number).name}"
    return "killed", f"the process left with exit status {os.WEXITSTATUS(status)} before its tests were done"


def main(home: str) -> None:
    """Judge requests until standard input ends; ``home`` is an empty folder for the programs' own folders."""
    os.environ.clear()
    requests, replies, null = os.dup(0), os.dup(1), os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
    if _libc is not None:
        _libc.prctl(_CHILD_SUBREAPER, 1)
        # A program may have stopped the zygote: when the caller dies, it wakes up, finds its input closed, and leaves.
        _libc.prctl(_PARENT_DEATH_SIGNAL, signal.SIGCONT)
    gc.collect()
    gc.freeze()
    os.write(replies, b"ready\n")
    try:
        with os.fdopen(requests, "rb", closefd=False) as lines:
            folder = Folder(home)
            for line in lines:
                folder.renew()
                finding = judge(json.loads(line), folder.path, requests, replies)
                os.write(replies, json.dumps(finding).encode() + b"\n")
    except (EOFError, BrokenPipeError):
        pass
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1])
