"""The output of a lesson's program, as comments after its ``print`` calls.

These programs are part of this package, so they run in this process; code from other authors never does.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from copy import deepcopy
from itertools import pairwise
from typing import Any

from codeprimer.authors.claims import OUTPUT, is_print

LINE = 92
"""Maximum length of a line with an output comment [characters]; longer output goes below the call."""


class Printer:
    """Replaces ``print`` and records the printed lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, *values: object, sep: str = " ") -> None:
        self.lines.extend(sep.join(map(str, values)).splitlines() or [""])

    def take(self) -> list[str]:
        """Return the lines printed since the last call."""
        taken, self.lines = self.lines, []
        return taken


def show_output(program: str) -> str:
    """Return the program with the output of its top-level statements as comments.

    A single line of output goes at the end of the ``print`` line if it fits; longer output goes below the statement.
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


def _with_output(line: str, output: list[str], on_the_line: bool) -> list[str]:
    if not any(output):
        return [line]
    if on_the_line and len(output) == 1 and len(line) + len(output[0]) + 4 <= LINE:
        return [f"{line}  # {output[0]}"]
    return [line, OUTPUT, *(f"# {text}" for text in output)]


def results_of(steps: Sequence[str], inputs: Mapping[str, str]) -> list[tuple[str, object]]:
    """Run the steps; return the name and value of the variable that each step except the last passes to the next.

    ``inputs`` holds the initial variables as source text.
    """
    namespace: dict[str, Any] = {name: ast.literal_eval(text) for name, text in inputs.items()}
    found = []
    for step, following in pairwise(steps):
        exec(compile(step, "<step>", "exec"), namespace)
        name = passed_on(step, following)
        # A later step may change this object.
        found.append((name, deepcopy(namespace[name])))
    return found


def passed_on(step: str, following: str) -> str:
    """Return the first variable that a step assigns (or, failing that, reads) and that the following step reads."""
    names = [node for node in ast.walk(ast.parse(step)) if isinstance(node, ast.Name)]
    read = {node.id for node in ast.walk(ast.parse(following)) if isinstance(node, ast.Name)}
    shared = [node for node in names if node.id in read]
    assert shared, f"{following!r} does not read any variable of {step!r}"
    return next((node.id for node in shared if isinstance(node.ctx, ast.Store)), shared[0].id)
