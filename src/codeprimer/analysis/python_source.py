"""Parses untrusted Python: no crash, no warning, and one exception that says why there is no syntax tree."""

from __future__ import annotations

import ast
import re
import warnings


class NotPythonError(Exception):
    """The text is not Python 3 source; the message says where and why."""


def parse(text: str) -> ast.Module:
    """Return the syntax tree of a module.

    Raises NotPythonError for a syntax error (Python 2 included), null bytes, and nesting too deep for the parser.
    """
    with warnings.catch_warnings():
        # Warnings about the code that is read, such as invalid escapes, would drown codeprimer's own.
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except SyntaxError as error:
            raise NotPythonError(f"line {error.lineno}: {error.msg}") from None
        except (RecursionError, MemoryError):
            raise NotPythonError("nested too deeply to parse") from None
        except ValueError as error:
            raise NotPythonError(str(error)) from None


def is_docstring(statement: ast.stmt) -> bool:
    """Tell whether a statement is a bare string, as a docstring is."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def has_code(tree: ast.Module) -> bool:
    """Tell whether a module holds anything besides docstrings and ``pass``."""
    return any(not (is_docstring(statement) or isinstance(statement, ast.Pass)) for statement in tree.body)


def literal_share(tree: ast.Module) -> float:
    """Return the fraction of a module's code lines (0-1) that are literal values: tables of numbers, strings, names.

    Counts top-level assignments and bare expressions whose value consists of constants and names alone.
    """
    lines = {"literal": 0, "all": 0}
    for statement in tree.body:
        if is_docstring(statement):
            continue
        span = (statement.end_lineno or statement.lineno) - statement.lineno + 1
        lines["all"] += span
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Expr) and _is_literal(statement):
            lines["literal"] += span
    return lines["literal"] / max(lines["all"], 1)


_LITERAL_NODES = (
    ast.Constant,
    ast.Tuple,
    ast.List,
    ast.Set,
    ast.Dict,
    ast.UnaryOp,
    ast.unaryop,
    ast.expr_context,
    ast.Name,
    ast.BinOp,
    ast.operator,
    ast.JoinedStr,
)


def _is_literal(statement: ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Expr) -> bool:
    return statement.value is not None and all(isinstance(node, _LITERAL_NODES) for node in ast.walk(statement.value))


_LINE_END = re.compile(r"(?<=\n)|(?<=\r)(?!\n)")


def source_lines(source: str) -> list[str]:
    """Return the lines of a source, with their ends, as Python's parser counts them.

    ``str.splitlines`` also splits at form feeds and other characters that may occur in a string.
    """
    lines = _LINE_END.split(source)
    return lines if lines[-1] else lines[:-1]
