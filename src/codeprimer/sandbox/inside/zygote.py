"""The zygote: a process with Python's common modules imported that forks judges and candidates, and ends them.

Reads orders for judges from its caller, requests for candidates from judges; neither programs nor tests pass through
it, so a candidate, which begins as its copy, finds no trace of any. One idea: it runs nothing that others wrote, and
whatever a child does, the zygote kills it when its time is over or its work is done.

``python -c "import sys; sys.path.insert(0, FOLDER); from inside.zygote import main; main()" CONFIGURATION``, with the
caller's socket as standard input.
"""

from __future__ import annotations

import abc
import bisect
import collections
import contextlib
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
import operator
import os
import random
import re
import select
import signal
import socket
import statistics
import string
import sys
import textwrap
import time
import traceback
import types
import typing
from collections.abc import Callable
from typing import Any, NoReturn

from . import candidate, codec, judge, namespaces, probe
from .orphans import end_orphans
from .walls import Walls

PREIMPORTED = (
    *(abc, bisect, collections, copy, ctypes, dataclasses, datetime, decimal, enum, fractions, functools, hashlib),
    *(heapq, itertools, math, operator, random, re, statistics, string, textwrap, traceback, types, typing),
)
"""Imported so that programs find them warm."""

MOST_ORDER = 2**16
GRACE_SECONDS = 1.0
"""How long a judge may take after its candidate's end, and how much later the kernel's limits end a child [s]."""

TICK_SECONDS = 0.02

MOST_PROGRAMS = 64
"""So many programs at most meet one judge; the kernel's limit on its processor time is for all of them together."""


class Child:
    """A judge or a candidate, from its fork to its end."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.started = time.monotonic()
        self._clock = (~pid << 3) | 2  # what clock_getcpuclockid(3) returns

    def processor_seconds(self) -> float:
        """Return the processor time that it has used [s]; 0 where the system does not tell."""
        try:
            return time.clock_gettime(self._clock)
        except OSError:
            return 0.0

    def end(self, is_alone: bool, spare: Child | None = None) -> tuple[int, float]:
        """Kill and reap it; return its exit status and its processor time [s].

        Where it may have started others (``is_alone`` is false), they are killed too, ``spare`` excepted.
        """
        if not is_alone:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        _, status, usage = os.wait4(self.pid, 0)
        if not is_alone:
            end_orphans(spare.pid if spare is not None else 0)
        return status, usage.ru_utime + usage.ru_stime


class Zygote:
    """Serves one caller."""

    def __init__(self, caller: socket.socket, walls: Walls) -> None:
        self._caller = caller
        self.walls = walls
        self._fresh_pids = namespaces.FreshPids() if walls.namespaces else contextlib.nullcontext()

    def serve(self) -> None:
        """Fork a judge for each order, until the caller hangs up."""
        while True:
            content, descriptors, _, _ = socket.recv_fds(self._caller, MOST_ORDER, 1)
            if not content:
                return
            with socket.socket(fileno=descriptors[0]) as channel:
                reason = self._conduct(json.loads(content), channel)
            self._caller.send(json.dumps(reason).encode())

    def fork(self, body: Callable[[], None], keep: tuple[socket.socket, ...], limits: dict[str, Any]) -> Child:
        """Start a child behind all walls, with nothing open but ``keep``."""
        parent = os.getpid()

        def enclosed() -> None:
            self.walls.enclose(limits, parent)
            body()

        return self.fork_unenclosed(enclosed, keep)

    def fork_unenclosed(self, body: Callable[[], None], keep: tuple[socket.socket, ...]) -> Child:
        """Start a child that has to see to its own walls."""
        with self._fresh_pids:
            pid = os.fork()
            if pid == 0:
                self._be_child(body, keep)
        return Child(pid)

    def _be_child(self, body: Callable[[], None], keep: tuple[socket.socket, ...]) -> NoReturn:
        leave = os._exit
        status = 1
        try:
            _close_all_but([*(stream.fileno() for stream in keep), *self.walls.open_descriptors()])
            body()
            status = 0
        finally:
            leave(status)

    def _conduct(self, limits: dict[str, Any], channel: socket.socket) -> str:
        """Serve one judge until its end; return the kind of verdict that its unfinished program has, or nothing."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours:
            with theirs:
                many = limits | {"seconds": limits["seconds"] * MOST_PROGRAMS}
                judging = self.fork(judge.Judge(channel, theirs).serve, (channel, theirs), many)
            channel.close()
            session = Session(self, judging, ours, limits)
            try:
                return session.conduct(self._caller)
            finally:
                session.close()


class Session:
    """One judge and its candidates, one after another."""

    def __init__(self, zygote: Zygote, judging: Child, link: socket.socket, limits: dict[str, Any]) -> None:
        self._zygote = zygote
        self._judge: Child | None = judging
        self._link = link
        self._limits = limits
        self._candidate: Child | None = None
        self._is_late = False
        self._ended: tuple[int, float] = (0, 0.0)
        self._judge_since = (0.0, 0.0)

    def conduct(self, caller: socket.socket) -> str:
        """Do what the judge asks; return why it ended: nothing where it had finished."""
        poll = select.poll()
        poll.register(self._link, select.POLLIN)
        poll.register(caller, 0)  # only a hang-up is reported: the caller has died
        self._mark_judge()
        while True:
            events = dict(poll.poll(max(1.0, self._patience() * 1000)))
            if events.get(caller.fileno(), 0) & (select.POLLHUP | select.POLLERR):
                raise EOFError
            if self._link.fileno() in events:
                if not self._obey():
                    return self._why_judge_ended()
            elif not self._watch():
                return "timed_out"

    def close(self) -> None:
        """End whatever still runs."""
        self._end_candidate()
        if self._judge is not None:
            self._judge.end(self._zygote.walls.is_alone)
            self._judge = None

    def _obey(self) -> bool:
        """Do what the judge asks next; return False where it has ended."""
        try:
            request = self._link.recv(64)
        except OSError:
            return False
        if request:
            self._answer(request)
        return bool(request)

    def _answer(self, request: bytes) -> None:
        if request == judge.ASK and self._candidate is None:
            ours, theirs = socket.socketpair()
            with ours, theirs:
                limits = self._limits
                self._candidate = self._zygote.fork(lambda: candidate.serve(theirs), (theirs,), limits)
                self._is_late = False
                self._mark_judge()
                with contextlib.suppress(OSError):  # a judge that has ended is noticed at the next look
                    socket.send_fds(self._link, [request], [ours.fileno()])
        elif request == judge.END:
            self._end_candidate()
            status, used = self._ended
            is_late = self._is_late or used >= self._limits["seconds"]
            with contextlib.suppress(OSError):
                self._link.send(json.dumps([status, is_late]).encode())
            self._is_late = False
            self._mark_judge()

    def _end_candidate(self) -> None:
        if self._candidate is not None:
            self._ended = self._candidate.end(self._zygote.walls.is_alone, spare=self._judge)
            self._candidate = None

    def _mark_judge(self) -> None:
        assert self._judge is not None
        self._judge_since = time.monotonic(), self._judge.processor_seconds()

    def _patience(self) -> float:
        """Return how long nothing needs to be looked at [s]."""
        assert self._judge is not None
        since, used = self._judge_since
        seconds: float = self._limits["seconds"]
        judging = seconds - (self._judge.processor_seconds() - used)
        if self._candidate is None:
            return max(judging, TICK_SECONDS)
        left: float = since + self._limits["wall_seconds"] - time.monotonic()
        return min(left, judging, seconds - self._candidate.processor_seconds())

    def _watch(self) -> bool:
        """End a candidate whose time is over; return False where the judge's is over too."""
        assert self._judge is not None
        since, used = self._judge_since
        if self._judge.processor_seconds() - used >= self._limits["seconds"]:
            return False
        if self._candidate is not None:
            waited = time.monotonic() - since
            if waited >= self._limits["wall_seconds"] or self._candidate.processor_seconds() >= self._limits["seconds"]:
                self._is_late = True
                self._end_candidate()
                self._judge_since = time.monotonic(), used
            return True
        # A judge without a candidate waits for its caller, unless it has just lost one.
        return not (self._is_late and time.monotonic() - since > GRACE_SECONDS)

    def _why_judge_ended(self) -> str:
        assert self._judge is not None
        has_candidate = self._candidate is not None
        self._end_candidate()
        _, used = self._judge_since
        status, seconds = self._judge.end(self._zygote.walls.is_alone)
        self._judge = None
        if status == 0 and not has_candidate:
            return ""
        return "timed_out" if seconds - used >= self._limits["seconds"] else "refused"


def _close_all_but(descriptors: list[int]) -> None:
    for low, high in itertools.pairwise([*sorted({0, 1, 2, *descriptors}), 2**16]):
        os.closerange(low + 1, high)


def _warm_up() -> None:
    """Do once what every child would have to do at its first program: Python prepares much of itself on first use."""
    facts = {"tests": ["assert double(1) == 2"], "setup": "", "entry_point": "", "together": False}
    problem = judge.Problem(json.dumps(facts).encode())
    program = candidate.Program("def double(number: int) -> int:\n    return 2 * number\n")
    list(problem.run(lambda name, positional, named: 2))
    examples: tuple[object, ...] = (1, [], "", 0.5, None)
    for argument in examples:
        program.answer("double", codec.encode([[argument], {}]))
    json.loads(json.dumps(program.fault))
    codec.decode(codec.encode([1.5, (True, {"a": {2}}), b"", 2**80]))


def main() -> None:
    """Build the walls, show that they hold, and serve the caller who is standard input."""
    configuration = json.loads(sys.argv[1])
    caller = socket.socket(fileno=os.dup(0))
    os.environ.clear()
    null = os.open(os.devnull, os.O_RDWR)
    errors = os.dup(2)
    os.set_inheritable(errors, False)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
    try:
        walls = Walls(configuration)
        walls.build(caller)
    except OSError as error:
        os.write(errors, f"{error.strerror or error}\n".encode())
        raise SystemExit(1) from None
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    zygote = Zygote(caller, walls)
    _warm_up()
    report = json.dumps(probe.examine(zygote, configuration)).encode()
    candidate.prepare()
    gc.collect()
    gc.disable()
    gc.freeze()
    try:
        caller.send(report)
        zygote.serve()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except BaseException:
        os.write(errors, traceback.format_exc().encode())
        raise
