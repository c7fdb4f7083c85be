"""The judge: a fresh process that holds a problem's tests and runs them against one candidate after another.

Reads the problem and then programs from its caller, and forwards the programs uninspected. Writes a verdict for each.
Requests candidates from the zygote. In the tests, the names that the program should define are stand-ins that call
another process, and every returned value is built here from plain text; the candidate's objects never take part in a
comparison.
"""

from __future__ import annotations

import _socket
import gc
import os
import signal
import sys
from dataclasses import dataclass

from .codec import from_text, to_text
from .conversation import Conversation, Verdict
from .frames import Frames
from .problem import Problem

MAX_REQUEST_BYTES = 2**25
"""Maximum length of a problem or program [bytes]; the caller has already checked its own limit."""

PROBLEM, SOURCE = b"P", b"S"
"""The first byte of a caller's message: tests, which apply to all programs until the next tests; or a program."""

ASK, END = b"candidate", b"end"
"""A judge's requests to the zygote: replace the candidate with a fresh one; kill the candidate and report its exit status."""

_ROOM = _socket.CMSG_SPACE(4)

_TIME_SIGNALS = (signal.SIGPROF, signal.SIGXCPU, signal.SIGALRM)


@dataclass(frozen=True)
class End:
    """How a candidate ended."""

    status: int
    is_late: bool


def serve(caller: _socket.socket, zygote: _socket.socket) -> None:
    """Judge the caller's programs until the caller hangs up."""
    Judge(caller, zygote).serve()


class Judge:
    """Judges programs with a problem's tests."""

    def __init__(self, caller: _socket.socket, zygote: _socket.socket) -> None:
        self._caller = Frames(caller)
        self._zygote = zygote
        self._stream: _socket.socket | None = None
        """The latest candidate's socket; None once the candidate has been killed."""

    def serve(self) -> None:
        """Answer the caller until it hangs up."""
        gc.enable()
        problem: Problem | None = None
        while (content := self._receive()) is not None:
            if content.startswith(PROBLEM):
                problem = Problem(content.removeprefix(PROBLEM))
                continue
            assert problem is not None
            source = content.removeprefix(SOURCE)
            verdict = ("refused", problem.fault) if problem.fault else self._judge(problem, source)
            self._caller.send(to_text(verdict).encode())
            if problem.may_leave_state:
                return  # the next program gets a judge whose tests have not run

    def _receive(self) -> bytes | None:
        if self._stream is not None and not self._caller.has_whole():
            self._end()
        return self._caller.receive(MAX_REQUEST_BYTES)

    def _judge(self, problem: Problem, source: bytes) -> Verdict:
        verdict = Conversation(self._start()).run(problem, source)
        # Requesting the next candidate ends this one; if there is no next program, end it before the verdict is sent.
        if verdict is not None and not problem.may_leave_state and self._caller.has_whole():
            return verdict
        end = self._end()
        return verdict or _verdict_of(end)

    def _start(self) -> _socket.socket:
        """Replace the candidate with a fresh one; return the socket that is connected to it."""
        self._zygote.send(ASK)
        _, [[_, _, descriptor]], _, _ = self._zygote.recvmsg(len(ASK), _ROOM)
        if self._stream is not None:
            self._stream.close()  # closing it earlier would wake the last candidate needlessly
        self._stream = _socket.socket(fileno=int.from_bytes(descriptor, sys.byteorder))
        return self._stream

    def _end(self) -> End:
        """Kill the candidate; return how it ended."""
        assert self._stream is not None
        self._zygote.send(END)
        status, is_late = from_text(self._zygote.recv(256).decode())
        self._stream.close()
        self._stream = None
        return End(status, is_late)


def _verdict_of(end: End) -> Verdict:
    """Return the verdict on a candidate that ended instead of answering."""
    number = os.WTERMSIG(end.status) if os.WIFSIGNALED(end.status) else 0
    if end.is_late or number in _TIME_SIGNALS:
        return "timed_out", ""
    if number == signal.SIGSYS:
        return "killed", "by the jail, for a system call of a different architecture"
    if number:
        return "killed", f"by signal {_name_of(number)}"
    return "killed", f"the process ended with exit status {os.WEXITSTATUS(end.status)} before its tests were done"


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)  # a real-time signal
