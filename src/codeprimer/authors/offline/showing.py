"""What a program of ours prints, written behind its ``print`` calls as comments.

Reads programs made from the lessons' templates. Its one idea: nobody works a result out by hand. These programs are
this package's own, so they are run right here; an author's or a model's code never is.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from copy import deepcopy
from itertools import pairwise
from typing import Any

LINE = 92
"""The longest line to which a comment is added [characters]; longer results stand below the call."""

OUTPUT = "# Output:"
"""The comment above results that stand below the statement."""


class Printer:
    """Stands in for ``print`` and keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, *values: object, sep: str = " ") -> None:
        self.lines.extend(sep.join(map(str, values)).splitlines() or [""])

    def take(self) -> list[str]:
        """Return the lines since the last call."""
        taken, self.lines = self.lines, []
        return taken


def show_output(program: str) -> str:
    """Return the program with the result of every top-level statement that prints as a comment behind it.

    One line of output stands on the line of its ``print`` call where it fits, several lines below the statement.
    """
    lines = program.splitlines()
    shown: list[str] = []
    printer = Printer()
    namespace: dict[str, Any] = {"print": printer, "__name__": "section"}
    done = 0
    for statement in ast.parse(program).body:
        exec(compile(ast.Module([statement], []), "<section>", "exec"), namespace)
        end = statement.end_lineno or statement.lineno
        shown += lines[done:end]
        done = end
        output = printer.take()
        if output:
            shown[-1:] = _with_output(shown[-1], output, is_print(statement))
    return "\n".join([*shown, *lines[done:]]) + "\n"


def is_print(statement: ast.stmt) -> bool:
    """Tell whether a statement is nothing but one call of ``print``."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Name(id="print"))):
            return True
    return False


def _with_output(line: str, output: list[str], on_the_line: bool) -> list[str]:
    if not any(output):
        return [line]
    if on_the_line and len(output) == 1 and len(line) + len(output[0]) + 4 <= LINE:
        return [f"{line}  # {output[0]}"]
    return [line, OUTPUT, *(f"# {text}" for text in output)]


def results_of(steps: Sequence[str], inputs: Mapping[str, str]) -> list[tuple[str, object]]:
    """Return name and value of what each step but the last hands on to the next one.

    ``inputs`` gives the variables that are there from the start, as source text.
    """
    namespace: dict[str, Any] = {name: ast.literal_eval(text) for name, text in inputs.items()}
    found = []
    for step, following in pairwise(steps):
        exec(compile(step, "<step>", "exec"), namespace)
        name = handed_on(step, following)
        # A later step may change the very list that this one hands on.
        found.append((name, deepcopy(namespace[name])))
    return found


def handed_on(step: str, following: str) -> str:
    """Return the first variable that a step assigns, or else changes, and the following one reads."""
    names = [node for node in ast.walk(ast.parse(step)) if isinstance(node, ast.Name)]
    read = {node.id for node in ast.walk(ast.parse(following)) if isinstance(node, ast.Name)}
    shared = [node for node in names if node.id in read]
    assert shared, f"{following!r} reads nothing of {step!r}"
    return next((node.id for node in shared if isinstance(node.ctx, ast.Store)), shared[0].id)
