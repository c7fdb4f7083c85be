"""The candidate: a fresh process that holds the program and answers the judge's calls. It never sees a test.

Reads from its socket how to run the program, the program itself, and then calls. Writes whether the program was loaded,
and then an answer to each call. Every answer is a plain value; the program can lie, but it does not know the expected
value.
"""

from __future__ import annotations

import _socket
import builtins
import contextlib
import gc
import io
import random
import resource
import sys
import types
from typing import Any

from .codec import CodecError, decode_arguments, encode, encode_answer, encode_changes, from_text, to_text
from .frames import Frames

MAX_CALL_BYTES = 2**25
"""Maximum length of a call [bytes]."""

MAX_EXCEPTION_ARGUMENTS = 10_000
"""Exception arguments whose encoding is longer than this are not passed on [characters]."""

DETAIL_CHARACTERS = 300


def prepare() -> None:
    """Prepare the interpreter for programs; the zygote does this once, so that its children need not."""
    sys.argv = [""]
    sys.stdin, sys.stdout = io.TextIOWrapper(io.FileIO(0, "r", False)), io.TextIOWrapper(io.FileIO(1, "w", False))
    sys.stderr = sys.stdout
    for name in [name for name in sys.modules if name.partition(".")[0] == __name__.partition(".")[0]]:
        del sys.modules[name]
    sys.modules["__main__"] = types.ModuleType("__main__")
    random.seed(0)


def serve(stream: _socket.socket) -> None:
    """Load the program and answer calls until the judge hangs up."""
    frames = Frames(stream)
    head, _, source = (frames.receive(MAX_CALL_BYTES) or b"null\n").decode("utf-8", "surrogatepass").partition("\n")
    tests = from_text(head)
    gc.enable()
    if tests is not None:
        frames.send(to_text(run_together(source, *tests)).encode())
        return
    program = Program(source)
    frames.send(to_text(program.fault).encode())
    while (content := frames.receive(MAX_CALL_BYTES)) is not None:
        number, name, keywords, arguments = content.split(b"\n", 3)
        answer = program.answer(name.decode(), from_text(keywords.decode()), arguments.decode())
        frames.send(number + b"\n" + answer.encode())


_METHOD = object()


def _attribute(owner: Any, name: str) -> Any:
    return _attribute_of(getattr(owner, name))


def _attribute_of(value: Any) -> Any:
    return _METHOD if callable(value) else value


def _call_method(owner: Any, name: str, *positional: Any, **named: Any) -> Any:
    return getattr(owner, name)(*positional, **named)


GET, SET, CALL, TEXT, SHOWN, NAMED = "=get", "=set", "=call", "=str", "=repr", "=named"
"""The judge's operations on the program's objects and names; no function can have one of these names."""

_OF_OBJECTS = {GET: _attribute, SET: setattr, CALL: _call_method, TEXT: str, SHOWN: repr}


class Program:
    """A loaded program; ``fault`` describes the exception that loading raised, or is None."""

    def __init__(self, source: str) -> None:
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        self._names = module.__dict__
        self._objects: list[Any] = []
        self._numbers: dict[int, int] = {}
        self.fault: list[Any] | None = None
        try:
            exec(compile(source, "<program>", "exec", dont_inherit=True), self._names)
        except BaseException as error:
            self.fault = self._describe(error)

    def answer(self, name: str, keywords: list[str], arguments: str) -> str:
        """Call a function and return the answer as text: a value with changed arguments, an error, or a refusal.

        The last arguments are the values of ``keywords``.
        """
        values, mutables = decode_arguments(arguments, self._objects.__getitem__)
        named = {key: values[place - len(keywords)] for place, key in enumerate(keywords)}
        try:
            try:
                value = self._function(name)(*values[: len(values) - len(keywords)], **named)
                if value is _METHOD:
                    return '["method"]'
                kind, text = "value", encode_answer(value, mutables, self._keep)
            except CodecError:
                raise
            except BaseException as error:
                kind, text = "error", to_text(self._describe(error))
            changed = encode_changes(arguments, values, mutables, self._keep) if mutables else "null"
            return f'["{kind}",{text},{changed}]'
        except CodecError as error:
            return to_text(["refused", f"{name} returned a value, or changed an argument into one, that {error}"])

    def _keep(self, value: Any) -> int | None:
        """Keep an object of one of the program's own classes in this process, and return its number."""
        if type.__getattribute__(type(value), "__module__") != "__main__" or isinstance(value, type):
            return None
        number = self._numbers.setdefault(id(value), len(self._objects))
        if number == len(self._objects):
            self._objects.append(value)
        return number

    def _function(self, name: str) -> Any:
        if name in _OF_OBJECTS:
            return _OF_OBJECTS[name]
        if name == NAMED:
            return self._named
        if name in self._names:
            return self._names[name]
        raise NameError(f"name {name!r} is not defined")

    def _named(self, name: str) -> Any:
        """Return the value of one of the program's names, or a marker if it is callable."""
        if name not in self._names:
            raise NameError(f"name {name!r} is not defined")
        return _attribute_of(self._names[name])

    def _describe(self, error: BaseException) -> list[Any]:
        """Return an exception's built-in classes, its class name, its message, and its arguments if they can be encoded."""
        if isinstance(error, MemoryError):
            release_reserve()
        error.__traceback__ = None
        classes = [kind.__name__ for kind in type(error).__mro__ if getattr(builtins, kind.__name__, None) is kind]
        try:
            arguments = encode(list(error.args))
        except BaseException:
            arguments = ""
        if len(arguments) > MAX_EXCEPTION_ARGUMENTS:
            arguments = ""  # the shortened message has to suffice
        return [classes, _name(error), message_of(error), arguments]


def release_reserve() -> None:
    """Release the memory that the walls keep in reserve for reporting that memory has run out."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (resource.getrlimit(resource.RLIMIT_AS)[1],) * 2)


def run_together(source: str, setup: str, tests: list[str]) -> list[str]:
    """Run the program and its tests in one process; return the verdict's kind and detail."""
    assertion, memory, execute, make = AssertionError, MemoryError, exec, compile
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    running = ""
    try:
        execute(make(source, "<program>", "exec", dont_inherit=True), module.__dict__)
        execute(make(setup, "<setup>", "exec", dont_inherit=True), module.__dict__)
        for index, test in enumerate(tests, start=1):
            running = f"test {index}: {test}"
            execute(make(test, "<test>", "exec", dont_inherit=True), module.__dict__)
    except assertion as error:
        return ["failed", join(running, message_of(error))]
    except memory:
        release_reserve()
        return ["out_of_memory", running]
    except BaseException as error:
        return ["raised", join(headline(_name(error), message_of(error)), running)]
    return ["passed", ""]


def _name(error: BaseException) -> str:
    name = type.__getattribute__(type(error), "__name__")
    return shorten(name) if type(name) is str else "an exception"


def message_of(error: BaseException) -> str:
    """Return an exception's message, shortened, or a note if its class fails to produce one."""
    try:
        text = str(error)
    except BaseException as second:
        return f"(its message cannot be shown: {_name(second)})"
    return shorten(text) if type(text) is str else ""


def headline(name: str, message: str) -> str:
    """Format an exception like the last line of a traceback."""
    return f"{name}: {message}" if message else name


def join(first: str, second: str) -> str:
    """Join both halves, each shortened first, so that a long message never hides the test."""
    return " | ".join(shorten(half, DETAIL_CHARACTERS // 2) for half in (first, second) if half)


def shorten(text: str, characters: int = DETAIL_CHARACTERS) -> str:
    """Return the text, or its beginning followed by an ellipsis."""
    return text if len(text) <= characters else text[: characters - 3] + "..."
