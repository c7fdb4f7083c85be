"""Stepwise solutions: one statement, or one short block, per operation; also behind a guard for empty input.

The one idea: the n-th clause of the docstring is the n-th statement, which is how one would teach it.
"""

from __future__ import annotations

from random import Random

from codeprimer.curriculum.binding import Applied, OutsideError, literal, meaning
from codeprimer.curriculum.operation import fill
from codeprimer.curriculum.rendering import Scene

BLOCK_SHARE = 0.1
"""How often an operation is written as statements although it has an expression."""


def steps(scene: Scene, random: Random) -> list[str]:
    """Return the statements of each operation; those of the last end in a return."""
    value = scene.start
    pieces = []
    *earlier, last = zip(scene.chain, scene.results(), strict=True)
    for applied, out in earlier:
        pieces.append(_assign(scene, applied, value, out, random))
        value = out
    pieces.append(_finish(scene, last[0], value, last[1], random))
    return pieces


def render_steps(scene: Scene, random: Random) -> str | None:
    """Write one statement per operation."""
    return "\n".join(steps(scene, random))


def render_guard(scene: Scene, random: Random) -> str | None:
    """Write the answer for empty input first, then one statement per operation."""
    result = empty_result(scene)
    if result is None:
        return None
    return f"if not {scene.start}:\n    return {result}\n" + "\n".join(steps(scene, random))


def empty_result(scene: Scene) -> str | None:
    """Return the result for empty input as source text; None where there is none or it depends on an argument."""
    empty = {"text": "", "integers": [], "words": [], "counts": {}, "pairs": []}
    if scene.source not in empty or scene.arguments:
        return None
    try:
        return literal(meaning(scene.chain, empty[scene.source], {}))
    except OutsideError:
        return None


def _assign(scene: Scene, applied: Applied, value: str, out: str, random: Random) -> str:
    operation = applied.operation
    if operation.change:
        return fill(operation.change, scene.holes(applied, value))
    if operation.blocks and (not operation.inline or random.random() < BLOCK_SHARE):
        return fill(random.choice(operation.blocks), scene.holes(applied, value, out))
    if not operation.inline:
        return fill(operation.recursive, scene.holes(applied, value, out))
    return f"{out} = {scene.inline(applied, value)}"


def _finish(scene: Scene, applied: Applied, value: str, out: str, random: Random) -> str:
    operation = applied.operation
    if operation.returning and (not operation.inline or random.random() < BLOCK_SHARE):
        return fill(random.choice(operation.returning), scene.holes(applied, value))
    if operation.inline and (not operation.blocks or random.random() >= BLOCK_SHARE):
        return f"return {scene.inline(applied, value)}"
    return f"{_assign(scene, applied, value, out, random)}\nreturn {out}"
