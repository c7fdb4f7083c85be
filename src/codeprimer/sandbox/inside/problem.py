"""A problem's tests, compiled once for all the programs that a judge puts to them.

Reads the caller's message about a problem. One idea: the tests run as they are written, with a stand-in for each name
that the program was to define. Where they have failed, they can be run again in a form in which every ``assert`` of a
comparison keeps both sides, so that these can be shown.
"""

from __future__ import annotations

import ast
import builtins
import random
import types
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from .candidate import headline, message_of, shorten
from .codec import from_text
from .stand_ins import Proxy, Remote

_LEFT, _RIGHT, _SIDES = "left__", "right__", "sides__"
"""Where a test keeps both sides of the comparison that it asserts, and what makes its message of them."""

_PLACE = ("lineno", "col_offset", "end_lineno", "end_col_offset")
_load, _store = ast.Load(), ast.Store()


class Problem:
    """The tests, compiled once for all the programs that are put to them."""

    def __init__(self, content: bytes) -> None:
        facts = from_text(content.decode())
        self.tests: list[str] = facts["tests"]
        self.together: bool = facts["together"]
        self._entry_point: str = facts["entry_point"]
        self._codes: list[types.CodeType] = []
        self._codes_with_sides: list[types.CodeType] = []
        self.setup: str = facts["setup"]
        self._setup: types.CodeType | None = None
        self.fault = ""
        if self.together:
            return
        try:
            self._setup = compile(self.setup, "<setup>", "exec", dont_inherit=True)
            self._codes = [
                compile(test, f"<test {n}>", "exec", dont_inherit=True) for n, test in enumerate(self.tests, start=1)
            ]
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            self.fault = f"the tests are no Python: {headline(type(error).__name__, message_of(error))}"

    def run(self, call: Callable[..., Any], keep_sides: bool = False) -> Generator[int, None, None]:
        """Run the tests one after another, yielding the number of each before it begins.

        With ``keep_sides``, a comparison that fails has both its sides as its message.
        """
        if keep_sides and not self._codes_with_sides:
            self._codes_with_sides = [_with_sides(test, f"<test {n}>") for n, test in enumerate(self.tests, start=1)]
        random.seed(0)
        names: dict[str, Any] = {"__name__": "__tests__", "__builtins__": builtins, _SIDES: Sides}
        if self._setup is not None:
            exec(self._setup, names)
        for name in sorted({name for code in self._codes for name in _names_in(code)}):
            if name not in names and (name == self._entry_point or not hasattr(builtins, name)):
                names[name] = Proxy(name, call)
        try:
            for number, code in enumerate(self._codes_with_sides if keep_sides else self._codes, start=1):
                yield number
                exec(code, names)
        finally:
            names.clear()  # functions of the tests refer to it, and so would keep alive whatever it holds


class Sides:
    """The message of an assert that compared two values."""

    def __init__(self, left: object, right: object) -> None:
        self._left = left
        self._right = right

    def __str__(self) -> str:
        return f"got {_shown(self._left)}, expected {_shown(self._right)}"


def _with_sides(test: str, name: str) -> types.CodeType:
    tree = ast.parse(test, name)
    _keep_sides(tree.body)
    return compile(tree, name, "exec", dont_inherit=True)


def _keep_sides(statements: list[ast.stmt]) -> None:
    """Have every ``assert a == b`` without a message keep ``a`` and ``b``, so that a failure can show them."""
    for place in range(len(statements) - 1, -1, -1):
        statement = statements[place]
        for block in ("body", "orelse", "finalbody"):
            _keep_sides(getattr(statement, block, []))
        for handler in getattr(statement, "handlers", []):
            _keep_sides(handler.body)
        match statement:
            case ast.Assert(test=ast.Compare(left=left, comparators=[right]) as test, msg=None):
                # Places are given here, because looking for nodes without any costs as much as all the rest.
                where = {name: getattr(statement, name) for name in _PLACE}
                kept: list[ast.expr] = [ast.Name(_LEFT, _load, **where), ast.Name(_RIGHT, _load, **where)]
                names: list[ast.expr] = [ast.Name(_LEFT, _store, **where), ast.Name(_RIGHT, _store, **where)]
                targets: list[ast.expr] = [ast.Tuple(names, _store, **where)]
                statements.insert(place, ast.Assign(targets, ast.Tuple([left, right], _load, **where), **where))
                test.left, test.comparators = kept[0], [kept[1]]
                statement.msg = ast.Call(ast.Name(_SIDES, _load, **where), list(kept), [], **where)


def _names_in(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names_in(constant)


def statement_of(tests: Sequence[str], running: int, error: BaseException) -> str:
    """Return the line of the test at which it failed."""
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
    except Exception as error:
        return f"a value that cannot be shown ({type(error).__name__})"
