"""A problem's tests, compiled once for all the programs that a judge runs them against.

Reads the caller's message about a problem. The tests run as written, with a stand-in for each name that the program
should define. After a failure they can be run again in a form in which every ``assert`` of an equality keeps both
sides, so that the verdict can show them.
"""

from __future__ import annotations

import ast
import builtins
import opcode
import random
import types
from collections.abc import Collection, Generator, Iterator, Sequence
from typing import Any, Protocol

from .candidate import headline, message_of, shorten
from .codec import from_text
from .stand_ins import Remote

_LEFT, _RIGHT, _SIDES = "left__", "right__", "sides__"
"""The names under which a test keeps both sides of a comparison, and the class that formats them."""

_PLACE = ("lineno", "col_offset", "end_lineno", "end_col_offset")
_load, _store = ast.Load(), ast.Store()


class Problem:
    """The compiled tests of a problem."""

    def __init__(self, content: bytes) -> None:
        facts = from_text(content.decode())
        self.tests: list[str] = facts["tests"]
        self.together: bool = facts["together"]
        self._entry_point: str = facts["entry_point"]
        self._codes: list[types.CodeType] = []
        self._codes_with_sides: list[types.CodeType] = []
        self._foreign: list[str] = []
        self.setup: str = facts["setup"]
        self._setup: types.CodeType | None = None
        self.fault = ""
        self.may_leave_state = False
        """Whether the tests may change process state that outlives them, such as a module's attributes."""
        if self.together:
            return
        try:
            self._setup = compile(self.setup, "<setup>", "exec", dont_inherit=True)
            self._codes = [
                compile(test, f"<test {n}>", "exec", dont_inherit=True) for n, test in enumerate(self.tests, start=1)
            ]
            self._foreign = _foreign_names(self._entry_point, [self._setup, *self._codes])
            self.may_leave_state = any(_may_leave_state(code) for code in [self._setup, *self._codes])
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            self.fault = f"the tests are not valid Python: {headline(type(error).__name__, message_of(error))}"

    def run(self, answers: Source, until: int = 0) -> Generator[int, None, None]:
        """Run the tests one after another, yielding the number of each before it starts.

        With ``until``, only that many are run, and the message of a failed comparison shows both sides.
        """
        codes = self._with_sides(until) if until else self._codes
        random.seed(0)
        names: dict[str, Any] = {"__name__": "__tests__", "__builtins__": builtins} | ({_SIDES: Sides} if until else {})
        if self._setup is not None:
            exec(self._setup, names)
        for name in self._foreign:
            if name not in names and (found := answers.stand_in(name, name == self._entry_point)) is not None:
                names[name] = found
        try:
            for number, code in enumerate(codes, start=1):
                yield number
                exec(code, names)
        finally:
            names.clear()  # the tests' functions refer to it, and would keep its values alive

    def _with_sides(self, until: int) -> list[types.CodeType]:
        known = self._codes_with_sides
        known += [_with_sides(test, f"<test {n + 1}>") for n, test in enumerate(self.tests[:until]) if n >= len(known)]
        return known[:until]


class Source(Protocol):
    """Provides the names that the program should define."""

    def stand_in(self, name: str, is_entry_point: bool) -> Any:
        """Return the stand-in for a name, or None if the program does not define it."""
        ...


class Sides:
    """The message of a failed equality assertion."""

    def __init__(self, got: object, expected: object) -> None:
        self._got = got
        self._expected = expected

    def __str__(self) -> str:
        return f"got {_shown(self._got)}, expected {_shown(self._expected)}"


def _with_sides(test: str, name: str) -> types.CodeType:
    tree = ast.parse(test, name)
    _keep_sides(tree.body)
    return compile(tree, name, "exec", dont_inherit=True)


def _keep_sides(statements: list[ast.stmt]) -> None:
    """Rewrite every ``assert a == b`` without a message so that a failure can show ``a`` and ``b``."""
    for place in range(len(statements) - 1, -1, -1):
        statement = statements[place]
        for block in ("body", "orelse", "finalbody"):
            _keep_sides(getattr(statement, block, []))
        for handler in getattr(statement, "handlers", []):
            _keep_sides(handler.body)
        match statement:
            case ast.Assert(test=ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]) as test, msg=None):
                # Locations are set here, because ast.fix_missing_locations takes as long as all other steps together.
                where = {name: getattr(statement, name) for name in _PLACE}
                kept: list[ast.expr] = [ast.Name(_LEFT, _load, **where), ast.Name(_RIGHT, _load, **where)]
                names: list[ast.expr] = [ast.Name(_LEFT, _store, **where), ast.Name(_RIGHT, _store, **where)]
                targets: list[ast.expr] = [ast.Tuple(names, _store, **where)]
                statements.insert(place, ast.Assign(targets, ast.Tuple([left, right], _load, **where), **where))
                test.left, test.comparators = kept[0], [kept[1]]
                got, expected = reversed(kept) if isinstance(left, ast.Constant) else kept
                statement.msg = ast.Call(ast.Name(_SIDES, _load, **where), [got, expected], [], **where)


_LOADS = frozenset({opcode.opmap["LOAD_NAME"], opcode.opmap["LOAD_GLOBAL"]})
_GLOBAL, _EXTENDED = opcode.opmap["LOAD_GLOBAL"], opcode.opmap["EXTENDED_ARG"]
_IMPORT, _CHANGES = opcode.opmap["IMPORT_NAME"], (opcode.opmap["STORE_ATTR"], opcode.opmap["DELETE_ATTR"])

_STATELESS = frozenset(
    (
        *("bisect", "cmath", "collections", "copy", "dataclasses", "datetime", "enum", "fractions", "functools"),
        *("heapq", "itertools", "json", "math", "operator", "random", "re", "statistics", "string", "typing"),
    )
)
"""Modules without lasting state; the random generator is reseeded for every run."""

_REACHES = frozenset(
    (
        *("__builtins__", "__class__", "__dict__", "__globals__", "__import__", "__self__", "__subclasses__"),
        *("compile", "delattr", "eval", "exec", "open", "setattr", "vars"),
    )
)
"""Names that give access to arbitrary state."""


def _foreign_names(entry_point: str, codes: Sequence[types.CodeType]) -> list[str]:
    """Return the names that the tests read and that neither they nor Python define, the entry point first."""
    mentioned = {name for code in codes for name in _mentioned(code)}
    unknown = {name for name in mentioned if name != entry_point and not hasattr(builtins, name)}
    if unknown:  # most are attributes or the tests' own names; only now are the instructions worth reading
        unknown &= {name for code in codes for name in _read(code)}
    return [entry_point, *sorted(unknown)] if entry_point else sorted(unknown)


def _may_leave_state(code: types.CodeType) -> bool:
    """Return whether code may change state that outlives it; True unless a cheap check rules it out."""
    operations = code.co_code[::2]
    if any(change in operations for change in _CHANGES) or not _REACHES.isdisjoint(code.co_names):
        return True
    if _IMPORT in operations and any(name.partition(".")[0] not in _STATELESS for name in _names_of(code, {_IMPORT})):
        return True
    return any(_may_leave_state(constant) for constant in code.co_consts if isinstance(constant, types.CodeType))


def _mentioned(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _mentioned(constant)


def _names_of(code: types.CodeType, operations: Collection[int]) -> Iterator[str]:
    """Yield the names that the code's own instructions with these opcodes refer to."""
    high = 0
    for operation, low in zip(code.co_code[::2], code.co_code[1::2], strict=True):
        number = high << 8 | low
        high = number if operation == _EXTENDED else 0
        if operation in operations:
            yield code.co_names[number >> 1 if operation == _GLOBAL else number]  # the lowest bit is a flag


def _read(code: types.CodeType) -> Iterator[str]:
    """Yield the names that code reads as globals."""
    yield from _names_of(code, _LOADS)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _read(constant)


def statement_of(tests: Sequence[str], running: int, error: BaseException) -> str:
    """Return the line at which the test failed."""
    lines = tests[running - 1].strip("\n").splitlines() or [""]
    if len(lines) == 1:
        return lines[0].strip()
    trace, number = error.__traceback__, 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == f"<test {running}>":
            number = trace.tb_lineno
        trace = trace.tb_next
    whole = tests[running - 1].splitlines()
    return whole[number - 1].strip() if 0 < number <= len(whole) else lines[0].strip()


def _shown(value: Any) -> str:
    if type(value) is Remote:
        return "an object of the program's own class"
    try:
        return shorten(repr(value), 60)
    except BaseException:  # it holds one of the program's objects, which no longer answers
        return "a value that cannot be shown"
