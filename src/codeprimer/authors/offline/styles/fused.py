"""Fused solutions: a single expression, or a single loop with an accumulator.

Neighbouring filters and maps become one comprehension or one loop, as in hand-written code.
"""

from __future__ import annotations

from random import Random

from codeprimer.authors.offline.rendering import Scene, indented, parenthesized, uses
from codeprimer.authors.offline.styles.steps import commented, write
from codeprimer.curriculum.binding import Applied
from codeprimer.curriculum.operation import Operation, fill

LONGEST_EXPRESSION = 70
"""Maximum length of the return statement [characters]."""


def render_expression(scene: Scene, random: Random) -> str | None:
    """Write a single return statement, if that is possible on one line."""
    value = scene.start
    index = 0
    while index < len(scene.chain):
        applied = scene.chain[index]
        following = scene.chain[index + 1] if index + 1 < len(scene.chain) else None
        if applied.operation.condition and following is not None and following.operation.element:
            value = _comprehension(scene, applied, following, value)
            index += 2
            continue
        if not applied.operation.inline or (index > 0 and uses(applied.operation.inline, "v") > 1):
            return None
        value = scene.inline(applied, value)
        index += 1
    line = f"return {value}"
    return line if len(line) <= LONGEST_EXPRESSION else None


def _comprehension(scene: Scene, kept: Applied, changed: Applied, value: str) -> str:
    name = scene.element(kept.operation)
    condition = fill(kept.operation.condition, scene.holes(kept, value))
    element = fill(changed.operation.element, scene.holes(changed, value) | {"x": name})
    return f"[{element} for {name} in {parenthesized(value)} if {condition}]"


def render_loop(scene: Scene, random: Random) -> str | None:
    """Write one loop over the input with an accumulator or, if that is impossible, one block per operation."""
    if fusible(scene):
        return _one_loop(scene)
    if not any(applied.operation.blocks for applied in scene.chain) and not scene.chain[-1].operation.returning:
        return None
    return "\n".join(commented(scene, write(scene, _blocks)))


def fusible(scene: Scene) -> bool:
    """Return whether the chain consists of filters and maps, possibly with a fold at the end."""
    *earlier, last = (applied.operation for applied in scene.chain)
    bodies = all(operation.element or operation.condition for operation in earlier)
    return bodies and bool(last.element or last.condition or last.fold)


def _one_loop(scene: Scene) -> str:
    last = scene.chain[-1]
    fold = last.operation.fold
    out = scene.variable(last.operation) if fold else "result"
    name = scene.element(scene.chain[0].operation)
    lines = [f"{out} = {fold.start if fold else '[]'}", f"for {name} in {scene.start}:"]
    body, value, level = loop_body(scene, name, 1)
    lines += body
    update = fill(fold.update, {"x": value, "out": out}) if fold else f"{out}.append({value})"
    return "\n".join([*lines, indented(update, level), f"return {out}"])


def loop_body(scene: Scene, name: str, level: int) -> tuple[list[str], str, int]:
    """Return the lines that process one element, the expression for its result, and the indentation level reached."""
    lines: list[str] = []
    value = name
    parts = [applied for applied in scene.chain if not applied.operation.fold]
    for index, applied in enumerate(parts):
        operation = applied.operation
        if operation.condition:
            condition = fill(operation.condition, scene.holes(applied, "") | {"x": value})
            lines.append(indented(f"if {condition}:", level))
            level += 1
            continue
        element = fill(operation.element, scene.holes(applied, "") | {"x": value})
        if index == len(parts) - 1:
            return lines, element, level
        value = scene.names.word if operation.target == "words" else scene.names.element
        lines.append(indented(f"{value} = {element}", level))
    return lines, value, level


def _blocks(operation: Operation, final: bool) -> str:
    """Prefer statements that return, then statements that assign."""
    return next(iter((*(operation.returning if final else ()), *operation.blocks)), "")
