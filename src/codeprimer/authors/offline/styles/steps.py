"""Stepwise solutions: one statement or short block per operation, optionally after a guard clause for empty input.

The n-th clause of the docstring corresponds to the n-th statement.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from codeprimer.authors.offline.rendering import Scene
from codeprimer.curriculum.binding import Applied, OutsideError, literal, meaning
from codeprimer.curriculum.operation import Operation, fill

BLOCK_PROBABILITY = 0.1
"""The probability that an operation is written as statements although it also has an expression."""

Chooser = Callable[[Operation, bool], str]
"""Takes an operation and whether it is the last; returns its statements, or "" to use its expression."""


def steps(scene: Scene, random: Random) -> list[str]:
    """Return the statements for each operation; the last operation's statements end in a return."""

    def choose(operation: Operation, final: bool) -> str:
        if operation.inline and random.random() >= BLOCK_PROBABILITY:
            return ""
        statements = (operation.returning if final else ()) or operation.blocks or (operation.recursive,)
        return random.choice(statements)

    return write(scene, choose)


def write(scene: Scene, choose: Chooser) -> list[str]:
    """Return the statements for each operation in the form that ``choose`` selects."""
    value = scene.start
    pieces = []
    for index, applied in enumerate(scene.chain):
        final = index == len(scene.chain) - 1
        template = choose(applied.operation, final)
        if applied.operation.change:
            pieces.append(fill(applied.operation.change, scene.holes(applied, value)))
        elif final and template in applied.operation.returning:
            pieces.append(fill(template, scene.holes(applied, value)))
        else:
            statements, value = _assign(scene, applied, value, template, final)
            pieces.append(statements)
    return pieces


def _assign(scene: Scene, applied: Applied, value: str, template: str, final: bool) -> tuple[str, str]:
    """Return the statements for one operation, and the variable that holds its result."""
    if not template:
        out = scene.variable(applied.operation)
        return f"{'return' if final else f'{out} ='} {scene.inline(applied, value)}", out
    out = scene.variable(applied.operation, value)
    statements = fill(template, scene.holes(applied, value, out))
    if not final:
        return statements, out
    head, _, last = statements.rpartition("\n")
    if last.startswith(f"{out} = "):
        return f"{head}\nreturn {last.removeprefix(f'{out} = ')}", out
    return f"{statements}\nreturn {out}", out


def render_steps(scene: Scene, random: Random) -> str:
    """Write one statement per operation."""
    return "\n".join(commented(scene, steps(scene, random)))


def commented(scene: Scene, pieces: list[str]) -> list[str]:
    """Return the statements, each below a comment with its clause."""
    return [f"# {clause}\n{piece}" for clause, piece in zip(scene.clauses, pieces, strict=True)]


def render_guard(scene: Scene, random: Random) -> str | None:
    """Write a guard clause for empty input, then one statement per operation."""
    result = empty_result(scene)
    if result is None:
        return None
    return f"if not {scene.start}:\n    return {result}\n" + "\n".join(commented(scene, steps(scene, random)))


def empty_result(scene: Scene) -> str | None:
    """Return the result for empty input as source text; None if there is none or it depends on an argument."""
    empty = {"text": "", "integers": [], "words": [], "counts": {}, "pairs": []}
    if scene.source not in empty or scene.arguments:
        return None
    try:
        return literal(meaning(scene.chain, empty[scene.source], {}))
    except OutsideError:
        return None
