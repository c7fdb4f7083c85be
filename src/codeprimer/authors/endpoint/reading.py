"""Parsing a teacher's answers into the parts of an exercise: signature with docstring, body, tests.

Nothing is executed. An answer that is not an exercise raises ValueError, whose message is sent back to the teacher.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeprimer.analysis.python_source import source_lines

FEWEST_TESTS = 3
LONGEST_PROGRAM = 6_000
"""Maximum length of a program [characters]."""


def read_program(source: str) -> tuple[str, str, str]:
    """Return a function's name, its head (imports, signature, docstring) and its body; head + body is the program.

    Raises ValueError unless the source is one function with a docstring and a body.
    """
    source = source.strip("\n") + "\n"
    if len(source) > LONGEST_PROGRAM:
        raise ValueError(f"the program is longer than {LONGEST_PROGRAM:,} characters")
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"the program is not Python: {error}") from None
    *before, function = body or [ast.Pass()]
    if not isinstance(function, ast.FunctionDef) or not all(
        isinstance(one, ast.Import | ast.ImportFrom) for one in before
    ):
        raise ValueError("the program must be imports, if any, and then one function, with nothing after it")
    if function.decorator_list:
        raise ValueError("the function must have no decorator")
    if ast.get_docstring(function) is None:
        raise ValueError("the function must begin with a docstring")
    if len(function.body) < 2:
        raise ValueError("the function must have a body after its docstring")
    end = function.body[0].end_lineno or 0
    if function.body[1].lineno <= end:
        raise ValueError("the body must begin on a line of its own after the docstring")
    lines = source_lines(source)
    return function.name, "".join(lines[:end]), "".join(lines[end : function.end_lineno])


def read_tests(tests: list[str], name: str) -> tuple[str, ...]:
    """Return the tests, each on one line.

    Raises ValueError if they are not asserts that compare results of ``name`` with literals, or if a function that always
    returns the same value, or its argument, would pass all of them.
    """
    found: dict[str, ast.Compare] = {}
    for test in map(str.strip, tests):
        if len(source_lines(test)) != 1:
            raise ValueError("each test must be on one line")
        try:
            body = ast.parse(test).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ValueError(f"a test is not Python: {error}") from None
        if len(body) != 1 or not isinstance(body[0], ast.Assert):
            raise ValueError("each test must be one assert statement")
        compared = body[0].test
        if not (
            isinstance(compared, ast.Compare)
            and len(compared.ops) == 1
            and isinstance(compared.ops[0], _COMPARES)
            and any(True for _ in _calls(compared.left, name))
            and _is_literal(compared.comparators[0])
        ):
            raise ValueError(f"each test must compare what {name} returns with a literal: assert {name}(...) == ...")
        found[test] = compared
    if len(found) < FEWEST_TESTS:
        raise ValueError(f"there must be at least {FEWEST_TESTS} different tests")
    expected = {ast.dump(compared.comparators[0]) for compared in found.values()}
    if len(expected) == 1:
        raise ValueError("all tests expect the same value, so a function that always returns it would pass")
    if all(_gives_back(compared, name) for compared in found.values()):
        raise ValueError("a function that returns its argument would pass all tests")
    return tuple(found)


_COMPARES = (ast.Eq, ast.Is, ast.Lt, ast.LtE)
"""``Lt`` and ``LtE`` allow ``abs(f(x) - 0.1) < 1e-9``."""

_LITERAL_CALLS = ("set", "frozenset", "float", "complex", "bytes", "bytearray", "range")


def _calls(expression: ast.expr, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(expression):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            yield node


def _is_literal(expression: ast.expr) -> bool:
    """Return whether an expression consists only of literals."""
    for node in ast.walk(expression):
        if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id in _LITERAL_CALLS):
            return False
        if isinstance(node, ast.Name) and node.id not in _LITERAL_CALLS:
            return False
        if isinstance(node, ast.Attribute | ast.Lambda | ast.comprehension | ast.NamedExpr | ast.Await):
            return False
    return True


def _gives_back(compared: ast.Compare, name: str) -> bool:
    """Return whether the expected value equals the only argument."""
    call = compared.left
    return (
        isinstance(call, ast.Call)
        and [*_calls(call, name)][:1] == [call]
        and len(call.args) == 1
        and not call.keywords
        and ast.dump(call.args[0]) == ast.dump(compared.comparators[0])
    )
