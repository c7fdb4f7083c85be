"""Stepwise solutions: one statement, or one short block, per operation; also behind a guard for empty input.

The one idea: the n-th clause of the docstring is the n-th statement, which is how one would teach it.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from codeprimer.authors.offline.rendering import Scene
from codeprimer.curriculum.binding import Applied, OutsideError, literal, meaning
from codeprimer.curriculum.operation import Operation, fill

BLOCK_SHARE = 0.1
"""How often an operation is written as statements although it has an expression."""

Chooser = Callable[[Operation, bool], str]
"""Returns the statements in which an operation is written, or nothing for its expression; told which is the last."""


def steps(scene: Scene, random: Random) -> list[str]:
    """Return the statements of each operation; those of the last end in a return."""

    def choose(operation: Operation, final: bool) -> str:
        if operation.inline and random.random() >= BLOCK_SHARE:
            return ""
        statements = (operation.returning if final else ()) or operation.blocks or (operation.recursive,)
        return random.choice(statements)

    return write(scene, choose)


def write(scene: Scene, choose: Chooser) -> list[str]:
    """Return the statements of each operation in the form that ``choose`` prefers where there is one."""
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
    """Return the statements of one operation, and the variable that holds its result."""
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
    """Return statements under the clauses that they fulfil."""
    return [f"# {clause}\n{piece}" for clause, piece in zip(scene.clauses, pieces, strict=True)]


def render_guard(scene: Scene, random: Random) -> str | None:
    """Write the answer for empty input first, then one statement per operation."""
    result = empty_result(scene)
    if result is None:
        return None
    return f"if not {scene.start}:\n    return {result}\n" + "\n".join(commented(scene, steps(scene, random)))


def empty_result(scene: Scene) -> str | None:
    """Return the result for empty input as source text; None where there is none or it depends on an argument."""
    empty = {"text": "", "integers": [], "words": [], "counts": {}, "pairs": []}
    if scene.source not in empty or scene.arguments:
        return None
    try:
        return literal(meaning(scene.chain, empty[scene.source], {}))
    except OutsideError:
        return None
