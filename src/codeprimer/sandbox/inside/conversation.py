"""What is said between a problem's tests and one candidate.

Reads the candidate's answers; writes the calls. One idea: whatever an answer holds has been built here from plain text, and
the first thing that settles the finding settles it for good.
"""

from __future__ import annotations

import _socket
import _thread
import abc
import builtins
import contextlib
import os
import signal
import time
from collections.abc import Sequence
from typing import Any

from . import codec
from .candidate import GET, MOST_CALL, NAMED, headline, join, message_of, shorten
from .codec import from_text, to_text
from .frames import FrameError, Frames
from .problem import Problem, statement_of
from .stand_ins import Method, Proxy, Remote, number_of

MOST_ANSWER = 2**22
"""The longest answer that a candidate may give [bytes]."""

MOST_AHEAD = 2**14
"""The longest call that is sent before the program is known to have been loaded [bytes]."""

MOST_HEARD = 2**20
"""So much of what a candidate answers is kept, to show what a test compared [bytes]."""

MOST_SECONDS, MOST_SECONDS_AGAIN = 0.1, 0.2
"""Tests that took a judge longer are not run again to show what they compared [s of processor time]; nor is it let run
for longer [s]."""

MOST_TO_REPEAT = 2**16
"""Longer tests are not run again either: compiling them takes as long [characters]."""

Finding = tuple[str, str]
"""The kind and the detail of a verdict."""


class Stopped(BaseException):
    """Unwinds the tests: the candidate has ended or said what it must not, and the finding is settled."""


class Answers(abc.ABC):
    """What the tests are told when they call the program, wherever the text of the answers comes from."""

    def __init__(self) -> None:
        self._calls = 0
        self._settled: Finding | None = None
        self._is_over = False
        self._of_candidate: BaseException | None = None
        self._remotes: dict[int, Remote] = {}
        self._lock = _thread.RLock()
        """Held during a call: tests may have threads, and an answer belongs to the call before it."""

    @abc.abstractmethod
    def _ask(self, name: str, arguments: str, keywords: list[str]) -> bytes:
        """Return the text of the answer to a call; the last of the arguments are for the keywords."""

    def _call(self, name: str, positional: list[Any], named: dict[str, Any]) -> Any:
        """Have the candidate call one of its functions; return the value or raise what it raised."""
        with self._lock:
            return self._call_alone(name, positional, named)

    def _call_alone(self, name: str, positional: list[Any], named: dict[str, Any]) -> Any:
        if self._is_over or self._settled:
            raise Stopped
        values = (*positional, *named.values())
        try:
            arguments, mutables = codec.encode_arguments(values, number_of)
        except codec.CodecError as error:
            self._settle("refused", f"an argument of {name} {error}; tests that share objects must run together")
        text = self._ask(name, arguments, [*named])
        self._calls += 1
        return self._answer(name, self._parsed(text), mutables)

    def stand_in(self, name: str, is_entry_point: bool) -> Any:
        """Return what stands in the tests for a name of the program: a function, a value; None where it has no such name.

        The entry point is taken to be a function: the first call would tell.
        """
        if not is_entry_point:
            try:
                value = self._call(NAMED, [name], {})
            except NameError:
                return None
            finally:
                self._calls -= 1
            if value is not Method:
                return value
        return Proxy(name, self._call, self._refuse)

    def _answer(self, name: str, answer: Any, mutables: list[Any]) -> Any:
        match answer:
            case ["method"] if name in (GET, NAMED):
                return Method
            case ["value", value, changed]:
                if changed is not None:
                    self._change(name, changed, mutables)
                return self._built(name, value, mutables)
            case ["refused", str(reason)]:
                self._settle("refused", shorten(reason))
            case ["error", [list(), str(), str(), str()] as fault, changed]:
                if changed is not None:
                    self._change(name, changed, mutables)
                self._of_candidate = _exception(fault)
                if isinstance(self._of_candidate, StopIteration | StopAsyncIteration | GeneratorExit):
                    # It would end an iteration of the tests, such as all(map(f, cases)), as if all cases had been seen.
                    self._settle("raised", _said_by(fault))
                raise self._of_candidate
        self._settle("refused", "the program's answer is not well formed")
        raise Stopped

    def _built(self, name: str, value: Any, mutables: list[Any]) -> Any:
        try:
            return codec.build(value, self._remote, mutables)
        except codec.CodecError as error:
            self._settle("refused", f"{name} returned a value that {error}")

    def _remote(self, number: int) -> Remote:
        if type(number) is not int:
            raise LookupError
        if number not in self._remotes:
            self._remotes[number] = Remote(number, self._call, self._refuse)
        return self._remotes[number]

    def _refuse(self, reason: str) -> None:
        self._settle("refused", reason)

    def _change(self, name: str, changed: Any, mutables: list[Any]) -> None:
        """Give the arguments, in place, the content that they have after the call."""
        try:
            codec.apply_changes(changed, mutables, self._remote)
        except codec.CodecError as error:
            self._settle("refused", f"{name} changed an argument into one that {error}")

    def _parsed(self, text: bytes) -> Any:
        try:
            return from_text(text.decode())
        except MemoryError:
            self._settle("refused", "the program's answer was too much for its tests")
        except (ValueError, RecursionError):
            self._settle("refused", "the program's answer is not well formed")

    def _settle(self, kind: str, detail: str) -> None:
        self._settled = (kind, detail)
        raise Stopped


class Conversation(Answers):
    """What is said between the tests and one candidate."""

    def __init__(self, stream: _socket.socket) -> None:
        super().__init__()
        self._frames = Frames(stream)
        self._is_loaded = False
        self._heard: list[Heard] = []
        self._room_to_hear = MOST_HEARD
        self._used = 0.0

    def hold(self, problem: Problem, source: bytes) -> Finding | None:
        """Return the finding, or None where the candidate ended and only its end can tell why."""
        running, self._used = 0, time.process_time()
        try:
            self._load(problem, source)
            if problem.together:
                return self._together(self._parsed(self._receive()))
            with contextlib.closing(problem.run(self)) as steps:
                for number in steps:
                    running = number
            self._hear_of_load()
        except Stopped:
            if not self._settled and not self._is_over:
                return "refused", "the tests asked for something that an earlier program had"
        except BaseException as error:
            with contextlib.suppress(Stopped):
                self._hear_of_load()
            return self._settled or self._failure(problem, running, error)
        finally:
            self._of_candidate = None  # its traceback leads back here, and holds what the tests held
        # Tests may have caught the interruption and gone on: what was settled stays settled.
        return self._settled or (None if self._is_over else self._passed())

    def _together(self, said: Any) -> Finding:
        match said:
            case [("passed" | "failed" | "raised" | "out_of_memory") as kind, str(detail)]:
                return kind, shorten(detail)
        return "refused", "what the program and its tests say is not well formed"

    def _passed(self) -> Finding:
        if not self._calls:
            return "never_called", "the tests hold, but they never called the program"
        return "passed", ""

    def _load(self, problem: Problem, source: bytes) -> None:
        tests = to_text([problem.setup, problem.tests] if problem.together else None).encode()
        try:
            self._frames.send(tests + b"\n" + source)
        except OSError:
            self._end()

    def _hear_of_load(self) -> None:
        """Read what became of loading the program, once: with the answer to the first call, to save both a turn."""
        if self._is_loaded:
            return
        self._is_loaded = True
        match self._parsed(self._receive()):
            case None:
                return
            case [list(), str(), str(), str()] as fault:
                kind = "out_of_memory" if isinstance(_exception(fault), MemoryError) else "raised"
                self._settle(kind, _said_by(fault))
        self._settle("refused", "what the program says of its loading is not well formed")

    def _ask(self, name: str, arguments: str, keywords: list[str]) -> bytes:
        number = os.urandom(8).hex().encode()
        message = b"\n".join((number, name.encode(), to_text(keywords).encode(), arguments.encode()))
        if len(message) > MOST_CALL:
            self._settle("refused", f"the arguments of {name} are longer than {MOST_CALL:,} bytes")
        if len(message) > MOST_AHEAD:
            self._hear_of_load()  # else both sides could write at once more than the other one takes unread
        try:
            self._frames.send(message)
        except OSError:
            self._end()
        self._hear_of_load()
        content = self._receive()
        head, _, text = content.partition(b"\n")
        if head != number:
            # Nobody can know the number of a call before it is made, so an answer given too early has another one.
            self._settle("refused", "the program answered another call than the one that was made")
        self._room_to_hear -= len(text) + len(arguments)
        if self._room_to_hear >= 0:
            self._heard.append((name, arguments, text))
        return text

    def _receive(self) -> bytes:
        try:
            content = self._frames.receive(MOST_ANSWER)
        except FrameError as error:
            self._settle("refused", f"the program answered with {error}")
        except OSError:
            content = None
        if content is None:
            self._end()
        assert content is not None
        return content

    def _end(self) -> None:
        self._is_over = True
        raise Stopped

    def _failure(self, problem: Problem, running: int, error: BaseException) -> Finding | None:
        if self._is_over:
            return None
        where = where_of(problem, running, error)
        if error is self._of_candidate and isinstance(error, MemoryError):
            return "out_of_memory", shorten(where)
        if isinstance(error, AssertionError) and error is not self._of_candidate:
            return "failed", join(where, message_of(error) or self._sides(problem, running, where))
        if isinstance(error, MemoryError | RecursionError) and error is not self._of_candidate:
            return "refused", join("the program's answer was too much for its tests", where)
        return "raised", join(headline(type(error).__name__, message_of(error)), where)

    def _sides(self, problem: Problem, running: int, where: str) -> str:
        """Return both sides of the comparison that has failed, nothing where it was none or would take too long."""
        is_short = sum(map(len, problem.tests[:running])) <= MOST_TO_REPEAT
        if not running or not is_short or self._room_to_hear < 0 or time.process_time() - self._used > MOST_SECONDS:
            return ""
        return Repetition(self._heard).sides(problem, running, where)


Heard = tuple[str, str, bytes]
"""A call (what was called, with which arguments) and the text of its answer."""


class Repetition(Answers):
    """The same tests once more, on the answers that have been heard: the candidate is not asked again.

    Keeping both sides of each comparison makes compiling the tests three times as long, so it is done for those that
    fail only. It may take a moment and not more: the verdict has been found.
    """

    def __init__(self, heard: Sequence[Heard]) -> None:
        super().__init__()
        self._left = iter(heard)

    def sides(self, problem: Problem, failed: int, where: str) -> str:
        """Return both sides of the comparison that failed in the test ``failed``, as text.

        Nothing where it does not fail again at ``where``, or is not there within a moment.
        """
        before = signal.signal(signal.SIGALRM, _stop)
        signal.setitimer(signal.ITIMER_REAL, MOST_SECONDS_AGAIN)
        running = 0
        try:
            with contextlib.closing(problem.run(self, failed)) as steps:
                for number in steps:
                    running = number
        except AssertionError as error:
            is_same = running == failed and where_of(problem, running, error) == where
            return message_of(error) if is_same else ""
        except BaseException:  # tests that do not repeat themselves can raise anything
            return ""
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            self._of_candidate = None  # as in a conversation
        return ""

    def _ask(self, name: str, arguments: str, keywords: list[str]) -> bytes:
        del keywords
        said, given, text = next(self._left, ("", "", b""))
        if (said, given) != (name, arguments):
            raise Stopped  # another call than the one that was made
        return text


def _stop(number: int, frame: object) -> None:
    raise Stopped


def where_of(problem: Problem, running: int, error: BaseException) -> str:
    """Return which test was running, and at which of its lines."""
    return f"test {running}: {statement_of(problem.tests, running, error)}" if running else "before the first test"


def _said_by(fault: Sequence[Any]) -> str:
    _, name, message, _ = fault
    return join(headline(str(name), str(message)), "")


def _exception(fault: Sequence[Any]) -> BaseException:
    """Return an exception of the nearest built-in class."""
    classes, name, message, content = fault
    try:
        arguments = codec.decode(content)
    except codec.CodecError:
        arguments = [str(message)]
    for kind in (getattr(builtins, str(kind), None) for kind in classes):
        if isinstance(kind, type) and issubclass(kind, BaseException):
            try:
                return kind(*arguments)
            except Exception:
                continue  # it wants other arguments; its base is tried next
    return Exception(f"{name}: {message}")
