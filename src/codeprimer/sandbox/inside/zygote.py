"""The zygote: a process with Python's common modules imported that forks judges and candidates, and kills them.

Reads requests for judges from its caller and requests for candidates from judges. Neither programs nor tests pass
through it, so a candidate, which starts as a copy of it, finds no trace of them. The zygote runs no untrusted code, and it
kills every child that has timed out or finished.

It is started with ``python -c "import sys; sys.path.insert(0, FOLDER); from inside.zygote import main; main()"
CONFIGURATION``, and with the caller's socket as standard input.
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

from . import candidate, codec, judge, probe, problem, stand_ins
from .children import Children, open_null
from .walls import Walls, limits_of_child

PREIMPORTED = (
    *(abc, bisect, collections, copy, ctypes, dataclasses, datetime, decimal, enum, fractions, functools),
    *(heapq, itertools, math, operator, random, re, statistics, string, textwrap, traceback, types, typing),
)
"""Imported so that programs find them already loaded."""

MAX_REQUEST_BYTES = 2**16
GRACE_SECONDS = 1.0
"""How long a judge may take after its candidate has timed out [s]."""

TICK = struct.pack("ll", 0, 20_000)
"""How often the time used by a judge and its candidate is checked [timeval: s, µs]."""

DESCRIPTOR = struct.Struct("i")
_SOL_SOCKET, _SCM_RIGHTS = _socket.SOL_SOCKET, _socket.SCM_RIGHTS

MAX_PROGRAMS = 64
"""No caller sends one judge more programs than this; the kernel limits a judge's CPU time for all of them together."""


class SessionLimits:
    """The limits of a judge and its candidates, as the caller's request states them; most requests repeat the previous ones."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = content
        if not content:
            return
        limits = json.loads(content)
        self.seconds: float = limits["seconds"]
        self.wall_seconds: float = limits["wall_seconds"]
        self.of_candidate = limits_of_child(limits)
        self.of_judge = limits_of_child(limits | {"seconds": limits["seconds"] * MAX_PROGRAMS})


class Zygote:
    """Serves one caller."""

    def __init__(self, caller: socket.socket, children: Children) -> None:
        self._caller = caller
        self._children = children
        self._limits = SessionLimits()

    def serve(self) -> None:
        """Fork a judge for each request, until the caller hangs up."""
        while True:
            content, ancillary, _, _ = self._caller.recvmsg(MAX_REQUEST_BYTES, _socket.CMSG_SPACE(DESCRIPTOR.size))
            if not content:
                return
            [[_, _, descriptor]] = ancillary
            if content != self._limits.content:
                self._limits = SessionLimits(content)
            reason = self._supervise(self._limits, _socket.socket(fileno=DESCRIPTOR.unpack(descriptor)[0]))
            self._caller.send(json.dumps(reason).encode())

    def _supervise(self, limits: SessionLimits, channel: _socket.socket) -> str:
        """Serve one judge until it ends; return the kind of verdict for its unfinished program, or "" if there is none."""
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
        pid = self._children.fork(limits.of_judge, judge.serve, channel, theirs)
        theirs.close()
        channel.close()
        supervisor = Supervisor(self._children, pid, ours, limits)
        try:
            return supervisor.run(self._caller)
        finally:
            supervisor.close()
            ours.close()


class Supervisor:
    """Watches one judge and its candidates, which run one at a time; process id 0 means that there is none."""

    def __init__(self, children: Children, judge_pid: int, link: _socket.socket, limits: SessionLimits) -> None:
        self._children = children
        self._judge = judge_pid
        self._link = link
        self._limits = limits
        self._candidate = 0
        self._is_late = False
        self._status = 0
        self._since = time.monotonic()
        self._judge_used: float | None = None
        link.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVTIMEO, TICK)

    def run(self, caller: socket.socket) -> str:
        """Serve the judge's requests; return why the judge ended, or "" if it had finished."""
        poll = select.poll()
        poll.register(caller, 0)  # reports only a hang-up: the caller has died
        while True:
            try:
                request = self._link.recv(64)
            except BlockingIOError:
                if poll.poll(0):
                    raise EOFError from None
                if not self._check_time():
                    return "timed_out"
                continue
            except OSError:
                request = b""
            if request == judge.ASK:
                self._start_candidate()
            elif request == judge.END:
                self._report_end()
            else:
                return self._handle_judge_end()
            self._is_late = False
            self._since = time.monotonic()
            self._judge_used = None

    def close(self) -> None:
        """Kill the judge and the candidate if they are still running."""
        self._end_candidate()
        if self._judge:
            self._children.end(self._judge)
            self._judge = 0

    def _start_candidate(self) -> None:
        """Kill the last candidate, start a new one, and pass its socket to the judge.

        Every memory page that this method touches is copied after the fork, so it touches few and uses plain sockets.
        """
        children = self._children
        if self._candidate:
            children.end(self._candidate, self._judge)
        ours, theirs = _socket.socketpair()
        self._candidate = children.fork(self._limits.of_candidate, candidate.serve, theirs)
        theirs.close()
        try:  # noqa: SIM105 - a context manager would touch more pages
            self._link.sendmsg([judge.ASK], [(_SOL_SOCKET, _SCM_RIGHTS, DESCRIPTOR.pack(ours.fileno()))])
        except OSError:
            pass  # the next read notices that the judge has ended
        ours.close()

    def _report_end(self) -> None:
        """Kill the candidate and report its exit status to the judge."""
        used = processor_seconds(self._candidate) if self._candidate else 0.0
        self._end_candidate()
        with contextlib.suppress(OSError):
            self._link.send(json.dumps([self._status, self._is_late or used >= self._limits.seconds]).encode())
        self._status = 0  # the next candidate starts as a copy of this process

    def _end_candidate(self) -> None:
        if self._candidate:
            self._status = self._children.end(self._candidate, self._judge)
            self._candidate = 0

    def _check_time(self) -> bool:
        """Kill a candidate that has timed out; return False if the judge has timed out too."""
        limits, used = self._limits, processor_seconds(self._judge)
        if self._judge_used is None:
            self._judge_used = used  # at the first tick, so that no clock is read for work shorter than a tick
        if used - self._judge_used >= limits.seconds:
            return False
        waited = time.monotonic() - self._since
        if self._candidate:
            if waited >= limits.wall_seconds or processor_seconds(self._candidate) >= limits.seconds:
                self._end_candidate()
                self._is_late = True
                self._since = time.monotonic()
            return True
        # A judge without a candidate waits for its caller, unless its candidate has just timed out.
        return not (self._is_late and waited > GRACE_SECONDS)

    def _handle_judge_end(self) -> str:
        has_candidate = self._candidate != 0
        self._end_candidate()
        seconds = processor_seconds(self._judge)
        status = self._children.end(self._judge)
        self._judge = 0
        if status == 0 and not has_candidate:
            return ""
        is_late = self._judge_used is not None and seconds - self._judge_used >= self._limits.seconds
        return "timed_out" if is_late or os.WTERMSIG(status) == signal.SIGXCPU else "refused"


def processor_seconds(pid: int) -> float:
    """Return the CPU time of a child that has not been reaped yet [s], or 0 if the system does not report it."""
    try:
        return time.clock_gettime((~pid << 3) | 2)  # what clock_getcpuclockid(3) returns
    except OSError:
        return 0.0


class _Two:
    """Answers every call with 2."""

    def stand_in(self, name: str, is_entry_point: bool) -> stand_ins.Proxy:
        """Return the stand-in for a name."""
        return stand_ins.Proxy(name, lambda name, positional, named: 2, lambda reason: None)


def _warm_up() -> None:
    """Do once what every child would otherwise do for its first program: Python initializes much of itself on first use."""
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
    """Build the walls, prove that they hold, and serve the caller on standard input."""
    configuration = json.loads(sys.argv[1])
    if configuration["core"] is not None:
        os.sched_setaffinity(0, [configuration["core"]])
    caller = socket.socket(fileno=os.dup(0))
    os.environ.clear()
    errors = os.dup(2)
    os.set_inheritable(errors, False)
    open_null()
    try:
        walls = Walls(configuration)
        walls.build(caller)
    except OSError as error:
        os.write(errors, f"{error.strerror or error}\n".encode())
        raise SystemExit(1) from None
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    children = Children(walls)
    zygote = Zygote(caller, children)
    _warm_up()
    report = json.dumps(probe.examine(children, configuration)).encode()
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
