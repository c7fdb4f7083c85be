"""What somebody else wrote, as parts of an exercise: signature and docstring, body, tests.

Reads source text; runs nothing. Its one idea: what is no exercise is told in a sentence that whoever wrote it can act on.
"""

from __future__ import annotations

import ast

FEWEST_TESTS = 3
LONGEST_PROGRAM = 6_000
"""[characters]"""


def read_program(source: str) -> tuple[str, str, str]:
    """Return the name of a function, its imports, signature and docstring, and its body.

    The second ends with a newline after the docstring; both together are the program. Raises ValueError, as a sentence,
    where the source is not one function with a docstring and a body.
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
    lines = source.splitlines(keepends=True)
    return function.name, "".join(lines[:end]), "".join(lines[end : function.end_lineno])


def read_tests(tests: list[str], name: str) -> tuple[str, ...]:
    """Return the tests, each on one line. Raises ValueError, as a sentence, where they are not asserts about ``name``."""
    found = []
    for test in tests:
        try:
            body = ast.parse(test.strip()).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ValueError(f"a test is not Python: {error}") from None
        if len(body) != 1 or not isinstance(body[0], ast.Assert):
            raise ValueError("each test must be one assert statement")
        called = {
            node.func.id for node in ast.walk(body[0]) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        if name not in called:
            raise ValueError(f"each test must call {name}")
        found.append(test.strip())
    distinct = tuple(dict.fromkeys(found))
    if len(distinct) < FEWEST_TESTS:
        raise ValueError(f"there must be at least {FEWEST_TESTS} different tests")
    return distinct
