"""The forms of claimed output in a section: a comment after a ``print`` call, or comment lines below ``# Output:``."""

from __future__ import annotations

import ast

OUTPUT = "# Output:"
"""The comment above claimed output that does not fit on the line of the ``print`` call."""


def is_print(statement: ast.stmt) -> bool:
    """Return whether a statement is a call to ``print``."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Name(id="print"))):
            return True
    return False
