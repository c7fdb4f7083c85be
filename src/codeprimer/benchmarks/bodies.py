"""Where a function's body ends.

A model that has finished a body goes on with the next statement, so a completion is cut at the first line that is not
indented more than the ``def`` that it completes.
"""

from __future__ import annotations

import ast

from codeprimer.analysis.python_source import NotPythonError, parse

NO_BODY = -1
"""The margin of a prompt without a definition: no line ends its answer."""


def margin_of(prompt: str) -> int:
    """Return the indentation [characters] of the last ``def`` or ``class`` of a prompt, whose body is missing.

    ``NO_BODY`` where there is none; 0 where the prompt is not the beginning of a program.
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

    The first line continues the prompt's last one and always belongs.
    """
    first, *rest = completion.split("\n")
    kept = [first]
    for line in rest:
        if line.strip() and _indentation(line) <= margin:
            break
        kept.append(line)
    return "\n".join(kept).rstrip()


def has_left(completion: str, margin: int) -> bool:
    """Return whether a completion, which may still grow, has a line after the body."""
    return any(line.strip() and _indentation(line) <= margin for line in completion.split("\n")[1:])


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))
