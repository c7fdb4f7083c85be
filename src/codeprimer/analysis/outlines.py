"""A function's outline: the node types of its statements, of their parts, and of the parts of their expressions.

Functions with equal trees have equal outlines. An outline is much cheaper to compute than a tree digest, and is enough to
distinguish most functions in a corpus from a few given functions.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeprimer.analysis.python_source import is_docstring
from codeprimer.analysis.scopes import FunctionNode, children_of

_SKIPPED = (ast.Import, ast.ImportFrom)
_STATEMENT_LISTS = ("body", "orelse", "finalbody", "handlers", "cases")


def functions_of(tree: ast.AST) -> Iterator[FunctionNode]:
    """Yield every function in a program; walks only statements."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, FunctionNode):
            yield node
        for name in _STATEMENT_LISTS:
            listed = getattr(node, name, None)
            if isinstance(listed, list):
                waiting.extend(listed)


def outline(function: FunctionNode) -> str:
    """Return a function's outline; whichever mask is used, functions with equal trees have equal outlines."""
    arguments = function.args
    counts = [len(part) for part in (arguments.posonlyargs, arguments.args, arguments.kwonlyargs, arguments.defaults)]
    stars = [argument is not None for argument in (arguments.vararg, arguments.kwarg)]
    body = function.body[1:] if is_docstring(function.body[0]) else function.body
    shapes = [_shape(statement) for statement in body if not isinstance(statement, _SKIPPED)]
    return f"{type(function).__name__}{counts}{stars}{shapes}"


def _shape(statement: ast.stmt) -> str:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return type(statement).__name__
    if isinstance(statement, ast.AnnAssign):
        return f"Assign({_part(statement.target)} {_part(statement.value)})" if statement.value else "Pass()"
    parts = [_part(child) for child in children_of(statement) if not isinstance(child, _SKIPPED)]
    return f"{type(statement).__name__}({' '.join(parts)})"


def _part(node: ast.AST) -> str:
    kind = _kind(node)
    if not isinstance(node, ast.expr) or kind == "Constant":
        return kind
    return f"{kind}[{' '.join(map(_kind, children_of(node)))}]"


def _kind(node: ast.AST) -> str:
    """Return the node type that ``analysis.trees`` writes for this node."""
    if isinstance(node, ast.AnnAssign):
        return "Assign" if node.value is not None else "Pass"
    if isinstance(node, ast.UnaryOp):
        match node:
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
                return "Constant"
    return type(node).__name__
