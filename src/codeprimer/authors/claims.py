"""How a section's text claims output: a comment behind a ``print`` call, or comment lines below ``# Output:``."""

from __future__ import annotations

import ast

OUTPUT = "# Output:"
"""The comment above claimed output that does not fit behind the ``print`` call."""


def is_print(statement: ast.stmt) -> bool:
    """Return whether a statement is a call of ``print``."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Name(id="print"))):
            return True
    return False
