"""The calls from a problem's tests to one candidate.

Writes calls and reads the candidate's answers. Every value in an answer is built here from plain text, and the first
event that settles the verdict is final.
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
from .candidate import GET, MAX_CALL_BYTES, NAMED, headline, join, message_of, shorten
from .codec import from_text, to_text
from .frames import FrameError, Frames
from .problem import Problem, statement_of
from .stand_ins import Method, Proxy, Remote, number_of

MAX_ANSWER_BYTES = 2**22
"""Maximum length of a candidate's answer [bytes]."""

MAX_AHEAD_BYTES = 2**14
"""Maximum length of a call that is sent before the program is known to be loaded [bytes]."""

MAX_RECORDED_BYTES = 2**20
"""If calls and answers are longer than this in total, a failed comparison is not replayed [bytes]."""

MAX_TEST_SECONDS, MAX_REPLAY_SECONDS = 0.1, 0.2
"""Tests slower than the first limit are not replayed [s of CPU time]; a replay is stopped after the second [s]."""

MAX_REPLAYED_CHARACTERS = 2**16
"""Tests longer than this are not replayed, because compiling them takes too long."""

Verdict = tuple[str, str]
"""A verdict's kind and detail."""

RecordedCall = tuple[str, str, bytes]
"""The name of the called function, its arguments, and the text of its answer."""


class Stopped(BaseException):
    """Unwinds the tests: the verdict is settled, or the candidate has ended."""


class Answers(abc.ABC):
    """The program as the tests see it, independent of the source of the answers."""

    def __init__(self) -> None:
        self._calls = 0
        self._settled: Verdict | None = None
        self._has_ended = False
        self._candidate_error: BaseException | None = None
        self._remotes: dict[int, Remote] = {}
        self._lock = _thread.RLock()
        """Held during a call, because tests can start threads, and each answer belongs to the preceding call."""

    @abc.abstractmethod
    def _ask(self, name: str, arguments: str, keywords: list[str]) -> bytes:
        """Return the text of the answer to a call; the last arguments are the values of ``keywords``."""

    def _call(self, name: str, positional: list[Any], named: dict[str, Any]) -> Any:
        """Call one of the candidate's functions; return its value or raise its exception."""
        with self._lock:
            return self._call_locked(name, positional, named)

    def _call_locked(self, name: str, positional: list[Any], named: dict[str, Any]) -> Any:
        if self._has_ended or self._settled:
            raise Stopped
        values = (*positional, *named.values())
        try:
            arguments, mutables = codec.encode_arguments(values, number_of)
        except codec.CodecError as error:
            self._settle("refused", f"an argument of {name} {error}; set `together` for tests that share objects")
        text = self._ask(name, arguments, [*named])
        self._calls += 1
        return self._answer(name, self._parsed(text), mutables)

    def stand_in(self, name: str, is_entry_point: bool) -> Any:
        """Return the stand-in for one of the program's names: a function or a value, or None if there is no such name.

        The entry point is assumed to be a function; if it is not, the first call reveals that.
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
                self._candidate_error = _exception(fault)
                if isinstance(self._candidate_error, StopIteration | StopAsyncIteration | GeneratorExit):
                    # This would end an iteration in the tests, such as all(map(f, cases)), as if all cases had been tested.
                    self._settle("raised", _text_of(fault))
                raise self._candidate_error
        self._settle("refused", "the program's answer is malformed")
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
        """Update the arguments, in place, to their content after the call."""
        try:
            codec.apply_changes(changed, mutables, self._remote)
        except codec.CodecError as error:
            self._settle("refused", f"{name} changed an argument into one that {error}")

    def _parsed(self, text: bytes) -> Any:
        try:
            return from_text(text.decode())
        except MemoryError:
            self._settle("refused", "the program's answer exceeded the tests' memory or recursion limit")
        except (ValueError, RecursionError):
            self._settle("refused", "the program's answer is malformed")

    def _settle(self, kind: str, detail: str) -> None:
        self._settled = (kind, detail)
        raise Stopped


class Conversation(Answers):
    """The calls from the tests to one candidate."""

    def __init__(self, stream: _socket.socket) -> None:
        super().__init__()
        self._frames = Frames(stream)
        self._is_loaded = False
        self._recorded: list[RecordedCall] = []
        self._bytes_left = MAX_RECORDED_BYTES
        self._started = 0.0

    def run(self, problem: Problem, source: bytes) -> Verdict | None:
        """Return the verdict, or None if the candidate ended and only its exit status can explain why."""
        running, self._started = 0, time.process_time()
        try:
            self._load(problem, source)
            if problem.together:
                return self._together(self._parsed(self._receive()))
            with contextlib.closing(problem.run(self)) as steps:
                for number in steps:
                    running = number
            self._confirm_loaded()
        except Stopped:
            if not self._settled and not self._has_ended:
                return "refused", "the tests used a function or an object of an earlier program"
        except BaseException as error:
            with contextlib.suppress(Stopped):
                self._confirm_loaded()
            return self._settled or self._failure(problem, running, error)
        finally:
            self._candidate_error = None  # its traceback refers to this frame and keeps the tests' objects alive
        # The tests may have caught Stopped and continued, but a settled verdict stays settled.
        return self._settled or (None if self._has_ended else self._passed())

    def _together(self, answer: Any) -> Verdict:
        match answer:
            case [("passed" | "failed" | "raised" | "out_of_memory") as kind, str(detail)]:
                return kind, shorten(detail)
        return "refused", "the result returned by the program and its tests is malformed"

    def _passed(self) -> Verdict:
        if not self._calls:
            return "never_called", "the tests passed, but never called the program"
        return "passed", ""

    def _load(self, problem: Problem, source: bytes) -> None:
        tests = to_text([problem.setup, problem.tests] if problem.together else None).encode()
        try:
            self._frames.send(tests + b"\n" + source)
        except OSError:
            self._end()

    def _confirm_loaded(self) -> None:
        """Read once whether the program was loaded, along with the first answer, to save both sides a wake-up."""
        if self._is_loaded:
            return
        self._is_loaded = True
        match self._parsed(self._receive()):
            case None:
                return
            case [list(), str(), str(), str()] as fault:
                kind = "out_of_memory" if isinstance(_exception(fault), MemoryError) else "raised"
                self._settle(kind, _text_of(fault))
        self._settle("refused", "the program's report on its loading is malformed")

    def _ask(self, name: str, arguments: str, keywords: list[str]) -> bytes:
        number = os.urandom(8).hex().encode()
        message = b"\n".join((number, name.encode(), to_text(keywords).encode(), arguments.encode()))
        if len(message) > MAX_CALL_BYTES:
            self._settle("refused", f"the arguments of {name} are longer than {MAX_CALL_BYTES:,} bytes")
        if len(message) > MAX_AHEAD_BYTES:
            self._confirm_loaded()  # else both sides could block, each writing more than the other's buffer holds
        try:
            self._frames.send(message)
        except OSError:
            self._end()
        self._confirm_loaded()
        content = self._receive()
        head, _, text = content.partition(b"\n")
        if head != number:
            # Call numbers are random, so an answer that was sent before the call has a different number.
            self._settle("refused", "the program's answer belongs to a different call")
        self._bytes_left -= len(text) + len(arguments)
        if self._bytes_left >= 0:
            self._recorded.append((name, arguments, text))
        return text

    def _receive(self) -> bytes:
        try:
            content = self._frames.receive(MAX_ANSWER_BYTES)
        except FrameError as error:
            self._settle("refused", f"the program answered with {error}")
        except OSError:
            content = None
        if content is None:
            self._end()
        assert content is not None
        return content

    def _end(self) -> None:
        self._has_ended = True
        raise Stopped

    def _failure(self, problem: Problem, running: int, error: BaseException) -> Verdict | None:
        if self._has_ended:
            return None
        where = where_of(problem, running, error)
        if error is self._candidate_error and isinstance(error, MemoryError):
            return "out_of_memory", shorten(where)
        if isinstance(error, AssertionError) and error is not self._candidate_error:
            return "failed", join(where, message_of(error) or self._sides(problem, running, where))
        if isinstance(error, MemoryError | RecursionError) and error is not self._candidate_error:
            return "refused", join("the program's answer exceeded the tests' memory or recursion limit", where)
        return "raised", join(headline(type(error).__name__, message_of(error)), where)

    def _sides(self, problem: Problem, running: int, where: str) -> str:
        """Return both sides of the failed comparison, or "" if there was none or a replay would take too long."""
        is_short = sum(map(len, problem.tests[:running])) <= MAX_REPLAYED_CHARACTERS
        is_fast = time.process_time() - self._started <= MAX_TEST_SECONDS
        if not running or not is_short or self._bytes_left < 0 or not is_fast:
            return ""
        return Replay(self._recorded).sides(problem, running, where)


class Replay(Answers):
    """Runs the same tests again, with recorded answers instead of the candidate.

    Tests that keep both sides of each comparison take three times as long to compile, so only failed tests are replayed.
    The time is limited, because the verdict is already known.
    """

    def __init__(self, recorded: Sequence[RecordedCall]) -> None:
        super().__init__()
        self._calls_left = iter(recorded)

    def sides(self, problem: Problem, failed: int, where: str) -> str:
        """Return both sides of the comparison that failed in the test ``failed``, as text.

        Returns "" if the comparison does not fail again at ``where``, or not in time.
        """
        before = signal.signal(signal.SIGALRM, _stop)
        signal.setitimer(signal.ITIMER_REAL, MAX_REPLAY_SECONDS)
        running = 0
        try:
            with contextlib.closing(problem.run(self, failed)) as steps:
                for number in steps:
                    running = number
        except AssertionError as error:
            is_same = running == failed and where_of(problem, running, error) == where
            return message_of(error) if is_same else ""
        except BaseException:  # non-deterministic tests can raise anything
            return ""
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            self._candidate_error = None  # as in ``Conversation.run``
        return ""

    def _ask(self, name: str, arguments: str, keywords: list[str]) -> bytes:
        del keywords
        called, given, text = next(self._calls_left, ("", "", b""))
        if (called, given) != (name, arguments):
            raise Stopped  # not the recorded call
        return text


def _stop(number: int, frame: object) -> None:
    raise Stopped


def where_of(problem: Problem, running: int, error: BaseException) -> str:
    """Return the number of the running test, and the line that it had reached."""
    return f"test {running}: {statement_of(problem.tests, running, error)}" if running else "before the first test"


def _text_of(fault: Sequence[Any]) -> str:
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
                continue  # it requires other arguments; its base class is tried next
    return Exception(f"{name}: {message}")
