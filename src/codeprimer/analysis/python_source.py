"""Parses untrusted Python without crashes or warnings; one exception says why a text has no syntax tree."""

from __future__ import annotations

import ast
import re
import warnings


class NotPythonError(Exception):
    """The text is not Python 3 source; the message says where and why."""


def parse(text: str) -> ast.Module:
    """Return the syntax tree of a module.

    Raises NotPythonError if there are syntax errors (as in Python 2) or null bytes, or if the nesting is too deep to parse.
    """
    with warnings.catch_warnings():
        # Warnings about the parsed code, such as invalid escapes, would drown out codeprimer's own warnings.
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
    """Return whether a statement is a bare string, like a docstring."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def has_code(tree: ast.Module) -> bool:
    """Return whether a module contains anything except bare strings and ``pass``."""
    return any(not (is_docstring(statement) or isinstance(statement, ast.Pass)) for statement in tree.body)


def literal_share(tree: ast.Module) -> float:
    """Return the fraction of a module's code lines (0-1) that are literal values: tables of numbers, strings or names.

    Counts top-level assignments and bare expressions whose values consist only of constants and names.
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
    """Return the lines of Python source, with their line endings, as Python's parser counts them.

    ``str.splitlines`` would also split at form feeds and other characters that can occur in a string.
    """
    lines = _LINE_END.split(source)
    return lines if lines[-1] else lines[:-1]
