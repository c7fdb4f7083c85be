"""The judge: a fresh process that holds a problem's tests and puts them to one candidate after another.

Reads from its caller: the problem, then programs, which it passes on unread. Writes: a verdict for each. Asks the
zygote for candidates. One idea: in the tests, the names that the program was to define stand for calls to another
process, and what comes back has been built here from plain text; so nothing that the candidate owns takes part in a
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
from .conversation import Conversation, Finding
from .frames import Frames
from .problem import Problem

MOST_REQUEST = 2**25
"""The longest problem or program that a caller sends [bytes]; it checks its own limit before."""

PROBLEM, SOURCE = b"P", b"S"
"""How a caller's messages begin: tests, for all programs up to the next ones; a program."""

ASK, END = b"candidate", b"end"
"""What a judge says to the zygote: end the last candidate, and start another one; end it, and tell how it ended."""

_ROOM = _socket.CMSG_SPACE(4)

_TIME_SIGNALS = (signal.SIGPROF, signal.SIGXCPU, signal.SIGALRM)


@dataclass(frozen=True)
class End:
    """How a candidate ended."""

    status: int
    is_late: bool


def serve(caller: _socket.socket, zygote: _socket.socket) -> None:
    """Judge what the caller sends until it hangs up."""
    Judge(caller, zygote).serve()


class Judge:
    """Puts programs to the tests of one problem."""

    def __init__(self, caller: _socket.socket, zygote: _socket.socket) -> None:
        self._caller = Frames(caller)
        self._zygote = zygote
        self._stream: _socket.socket | None = None
        """The last candidate's, until that has been ended."""

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
            finding = ("refused", problem.fault) if problem.fault else self._judge(problem, source)
            self._caller.send(to_text(finding).encode())
            if problem.may_leave_state:
                return  # the next program gets a judge whose tests have not run

    def _receive(self) -> bytes | None:
        if self._stream is not None and not self._caller.has_whole():
            self._end()
        return self._caller.receive(MOST_REQUEST)

    def _judge(self, problem: Problem, source: bytes) -> Finding:
        finding = Conversation(self._start()).hold(problem, source)
        # Asking for the next candidate ends this one; without a next program, it has ended before its verdict is known.
        if finding is not None and not problem.may_leave_state and self._caller.has_whole():
            return finding
        end = self._end()
        return finding or _without_answer(end)

    def _start(self) -> _socket.socket:
        """Have the last candidate ended and another one started; return what leads to it."""
        self._zygote.send(ASK)
        _, [[_, _, descriptor]], _, _ = self._zygote.recvmsg(len(ASK), _ROOM)
        if self._stream is not None:
            self._stream.close()  # only now: the last candidate would have woken up, only to see that
        self._stream = _socket.socket(fileno=int.from_bytes(descriptor, sys.byteorder))
        return self._stream

    def _end(self) -> End:
        """Have the candidate ended; return how it did."""
        assert self._stream is not None
        self._zygote.send(END)
        status, is_late = from_text(self._zygote.recv(256).decode())
        self._stream.close()
        self._stream = None
        return End(status, is_late)


def _without_answer(end: End) -> Finding:
    """Return the finding about a candidate that ended instead of answering."""
    number = os.WTERMSIG(end.status) if os.WIFSIGNALED(end.status) else 0
    if end.is_late or number in _TIME_SIGNALS:
        return "timed_out", ""
    if number == signal.SIGSYS:
        return "killed", "by the jail: a system call of another architecture"
    if number:
        return "killed", f"by signal {_name_of(number)}"
    return "killed", f"the process left with exit status {os.WEXITSTATUS(end.status)} before its tests were done"


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)  # a real-time signal
