"""Finds where a function's body ends.

A model that has finished a body continues with the next statement, so a completion is cut at the first line that is not
indented more than the ``def`` that it completes.
"""

from __future__ import annotations

import ast

from codeprimer.analysis.python_source import NotPythonError, parse

NO_BODY = -1
"""The margin for a prompt without a definition, for which no line ends the answer."""


def margin_of(prompt: str) -> int:
    """Return the indentation [characters] of the last ``def`` or ``class`` in a prompt, whose body is missing.

    Returns ``NO_BODY`` if there is none, and 0 if the prompt is not the beginning of a program.
    """
    stripped = prompt.rstrip()
    last_line = stripped.rpartition("\n")[2]
    indentation = _indentation(last_line) + (4 if last_line.endswith(":") else 0)
    try:
        tree = parse(f"{stripped}\n{' ' * indentation}pass\n")
    except NotPythonError:
        return 0
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = [node for node in ast.walk(tree) if isinstance(node, definitions)]
    return max(found, key=lambda node: node.lineno).col_offset if found else NO_BODY


def cut(completion: str, margin: int) -> str:
    """Return the part of a completion that belongs to the body, without trailing whitespace.

    The first line continues the prompt's last line, so it always belongs to the body.
    """
    first, *rest = completion.split("\n")
    kept = [first]
    for line in rest:
        if line.strip() and _indentation(line) <= margin:
            break
        kept.append(line)
    return "\n".join(kept).rstrip()


def has_left(completion: str, margin: int) -> bool:
    """Return whether a completion, which may be incomplete, has a line after the body."""
    return any(line.strip() and _indentation(line) <= margin for line in completion.split("\n")[1:])


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))
