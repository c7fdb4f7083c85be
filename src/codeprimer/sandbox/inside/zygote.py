"""The zygote: a process with Python's common modules imported that forks judges and candidates, and ends them.

Reads orders for judges from its caller, requests for candidates from judges; neither programs nor tests pass through
it, so a candidate, which begins as its copy, finds no trace of any. One idea: it runs nothing that others wrote, and
whatever a child does, the zygote kills it when its time is over or its work is done.

``python -c "import sys; sys.path.insert(0, FOLDER); from inside.zygote import main; main()" CONFIGURATION``, with the
caller's socket as standard input.
"""

from __future__ import annotations

import _socket
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
import struct
import sys
import textwrap
import time
import traceback
import types
import typing
from collections.abc import Callable, Sequence

from . import candidate, codec, judge, namespaces, probe, problem, stand_ins, system
from .orphans import end_orphans
from .walls import Limit, Walls, limits_of_child

PREIMPORTED = (
    *(abc, bisect, collections, copy, ctypes, dataclasses, datetime, decimal, enum, fractions, functools),
    *(heapq, itertools, math, operator, random, re, statistics, string, textwrap, traceback, types, typing),
)
"""Imported so that programs find them warm."""

MOST_ORDER = 2**16
GRACE_SECONDS = 1.0
"""How long a judge may take after its candidate's end, and how much later the kernel's limits end a child [s]."""

TICK = struct.pack("ll", 0, 20_000)
"""How often the time of a judge and its candidate is looked at [timeval: s, µs]."""

DESCRIPTOR = struct.Struct("i")
_SIGKILL, _SOL_SOCKET, _SCM_RIGHTS = int(signal.SIGKILL), _socket.SOL_SOCKET, _socket.SCM_RIGHTS

MOST_PROGRAMS = 64
"""At least as many as a caller gives one judge; the kernel's limit on its processor time is for all of them together."""


class Order:
    """What a caller asks of a judge and its candidates: their limits; the same ones for order after order, mostly."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = content
        if not content:
            return
        limits = json.loads(content)
        self.seconds: float = limits["seconds"]
        self.wall_seconds: float = limits["wall_seconds"]
        self.of_candidate = limits_of_child(limits)
        self.of_judge = limits_of_child(limits | {"seconds": limits["seconds"] * MOST_PROGRAMS})


class Zygote:
    """Serves one caller."""

    def __init__(self, caller: socket.socket, walls: Walls) -> None:
        self._caller = caller
        self._pid = os.getpid()
        self._order = Order()
        self._fresh_pids = namespaces.FreshPids() if walls.namespaces else None
        self.walls = walls

    def serve(self) -> None:
        """Fork a judge for each order, until the caller hangs up."""
        while True:
            content, ancillary, _, _ = self._caller.recvmsg(MOST_ORDER, _socket.CMSG_SPACE(DESCRIPTOR.size))
            if not content:
                return
            [[_, _, descriptor]] = ancillary
            if content != self._order.content:
                self._order = Order(content)
            reason = self._conduct(self._order, _socket.socket(fileno=DESCRIPTOR.unpack(descriptor)[0]))
            self._caller.send(json.dumps(reason).encode())

    def fork(self, limits: Sequence[Limit] | None, body: Callable[..., None], *streams: _socket.socket) -> int:
        """Start a child behind all walls, with nothing open but ``streams``; without limits, without any wall.

        Returns its id. What is touched here has to be copied after each fork, so it is little.
        """
        fresh_pids = self._fresh_pids
        if fresh_pids is not None:
            fresh_pids.begin()
        pid = system.fork()
        if pid == 0:
            leave = os._exit
            try:
                _close_all_but([*(stream.fileno() for stream in streams), *self.walls.open_descriptors])
                _open_null()
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
        """Kill and reap a child and whatever it may have started, ``spare`` excepted; return its exit status."""
        if self.walls.is_alone:
            os.kill(pid, _SIGKILL)  # it is there: nobody else reaps it
            return os.waitpid(pid, 0)[1]
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(pid, _SIGKILL)
        status = os.waitpid(pid, 0)[1]
        end_orphans(spare)
        return status

    def _conduct(self, order: Order, channel: _socket.socket) -> str:
        """Serve one judge until its end; return the kind of verdict that its unfinished program has, or nothing."""
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
        judging = self.fork(order.of_judge, judge.serve, channel, theirs)
        theirs.close()
        channel.close()
        session = Session(self, judging, ours, order)
        try:
            return session.conduct(self._caller)
        finally:
            session.close()
            ours.close()


class Session:
    """One judge and its candidates, one after another; each is known by its process id, 0 where there is none."""

    def __init__(self, zygote: Zygote, judging: int, link: _socket.socket, order: Order) -> None:
        self._zygote = zygote
        self._judge = judging
        self._link = link
        self._order = order
        self._candidate = 0
        self._is_late = False
        self._status = 0
        self._since = time.monotonic()
        self._judge_used: float | None = None
        link.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVTIMEO, TICK)

    def conduct(self, caller: socket.socket) -> str:
        """Do what the judge asks; return why it ended: nothing where it had finished."""
        poll = select.poll()
        poll.register(caller, 0)  # only a hang-up is reported: the caller has died
        while True:
            try:
                request = self._link.recv(64)
            except BlockingIOError:
                if poll.poll(0):
                    raise EOFError from None
                if not self._watch():
                    return "timed_out"
                continue
            except OSError:
                request = b""
            if request == judge.ASK:
                self._start_candidate()
            elif request == judge.END:
                self._tell_end()
            else:
                return self._why_judge_ended()
            self._is_late = False
            self._since = time.monotonic()
            self._judge_used = None

    def close(self) -> None:
        """End whatever still runs."""
        self._end_candidate()
        if self._judge:
            self._zygote.end(self._judge)
            self._judge = 0

    def _start_candidate(self) -> None:
        """End the last candidate, start another one, and hand its socket to the judge.

        What is touched here has to be copied after each fork, so it is little, and sockets are the plain ones.
        """
        zygote = self._zygote
        if self._candidate:
            zygote.end(self._candidate, self._judge)
        ours, theirs = _socket.socketpair()
        self._candidate = zygote.fork(self._order.of_candidate, candidate.serve, theirs)
        theirs.close()
        try:  # noqa: SIM105 - a context manager would be more to touch
            self._link.sendmsg([judge.ASK], [(_SOL_SOCKET, _SCM_RIGHTS, DESCRIPTOR.pack(ours.fileno()))])
        except OSError:
            pass  # a judge that has ended is noticed at the next look
        ours.close()

    def _tell_end(self) -> None:
        """End the candidate and tell the judge how it ended."""
        used = processor_seconds(self._candidate) if self._candidate else 0.0
        self._end_candidate()
        with contextlib.suppress(OSError):
            self._link.send(json.dumps([self._status, self._is_late or used >= self._order.seconds]).encode())
        self._status = 0  # the next candidate begins as a copy of this process

    def _end_candidate(self) -> None:
        if self._candidate:
            self._status = self._zygote.end(self._candidate, self._judge)
            self._candidate = 0

    def _watch(self) -> bool:
        """End a candidate whose time is over; return False where the judge's is over too."""
        order, judging = self._order, processor_seconds(self._judge)
        if self._judge_used is None:
            self._judge_used = judging  # at the first tick, so that what is over within one costs no look at a clock
        if judging - self._judge_used >= order.seconds:
            return False
        waited = time.monotonic() - self._since
        if self._candidate:
            if waited >= order.wall_seconds or processor_seconds(self._candidate) >= order.seconds:
                self._end_candidate()
                self._is_late = True
                self._since = time.monotonic()
            return True
        # A judge without a candidate waits for its caller, unless it has just lost one.
        return not (self._is_late and waited > GRACE_SECONDS)

    def _why_judge_ended(self) -> str:
        has_candidate = self._candidate != 0
        self._end_candidate()
        seconds = processor_seconds(self._judge)
        status = self._zygote.end(self._judge)
        self._judge = 0
        if status == 0 and not has_candidate:
            return ""
        is_late = self._judge_used is not None and seconds - self._judge_used >= self._order.seconds
        return "timed_out" if is_late or os.WTERMSIG(status) == signal.SIGXCPU else "refused"


def processor_seconds(pid: int) -> float:
    """Return the processor time that a child has used, until it is reaped [s]; 0 where the system does not tell."""
    try:
        return time.clock_gettime((~pid << 3) | 2)  # what clock_getcpuclockid(3) returns
    except OSError:
        return 0.0


def _open_null() -> None:
    """Have standard input and output lead to a null device of one's own: flags of one that is shared could be read."""
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


class _Two:
    """Answers every call with 2."""

    def stand_in(self, name: str, is_entry_point: bool) -> stand_ins.Proxy:
        """Return what stands for a name."""
        return stand_ins.Proxy(name, lambda name, positional, named: 2, lambda reason: None)


def _warm_up() -> None:
    """Do once what every child would have to do at its first program: Python prepares much of itself on first use."""
    facts = {"tests": ["assert double(1) == 2"], "setup": "", "entry_point": "", "together": False}
    tests = problem.Problem(json.dumps(facts).encode())
    program = candidate.Program("def double(number: int) -> int:\n    return 2 * number\n")
    list(tests.run(_Two()))
    examples: tuple[object, ...] = (1, [], "", 0.5, None)
    for argument in examples:
        program.answer("double", [], codec.encode((argument,)))
    json.loads(json.dumps(program.fault))
    codec.decode(codec.encode([1.5, (True, {"a": {2}}), b"", 2**80]))


def main() -> None:
    """Build the walls, show that they hold, and serve the caller who is standard input."""
    configuration = json.loads(sys.argv[1])
    if configuration["core"] is not None:
        os.sched_setaffinity(0, [configuration["core"]])
    caller = socket.socket(fileno=os.dup(0))
    os.environ.clear()
    errors = os.dup(2)
    os.set_inheritable(errors, False)
    _open_null()
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
    walls.enclose_zygote()
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
