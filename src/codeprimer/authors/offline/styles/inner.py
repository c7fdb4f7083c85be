"""Solutions with function calls: the function calls itself, or an inner function performs one step."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from codeprimer.authors.offline.rendering import Scene, parenthesized
from codeprimer.authors.offline.styles.fused import fusible, loop_body
from codeprimer.authors.offline.styles.steps import commented, write
from codeprimer.curriculum.operation import Operation, fill
from codeprimer.curriculum.values import TYPES


def render_recursion(scene: Scene, random: Random) -> str | None:
    """Write a function that calls itself on the rest of the list, or an inner recursive function."""
    if scene.start.startswith("self."):
        return None
    last = scene.chain[-1].operation
    if fusible(scene) and (last.fold is None or last.fold.combine):
        return _on_the_rest(scene)
    if not any(applied.operation.recursive for applied in scene.chain):
        return None
    return "\n".join(commented(scene, write(scene, _inner)))


def _on_the_rest(scene: Scene) -> str:
    fold = scene.chain[-1].operation.fold
    empty = (fold.empty or fold.start) if fold else "[]"
    passed = "".join(f", {argument.name}" for argument in scene.arguments)
    name = scene.element(scene.chain[0].operation)
    lines = [
        f"if not {scene.start}:",
        f"    return {empty}",
        f"{name} = {scene.start}[0]",
        f"rest = {scene.names.function}({scene.start}[1:]{passed})",
    ]
    body, value, level = loop_body(scene, name, 0)
    combined = fill(fold.combine, {"x": parenthesized(value), "rest": "rest"}) if fold else f"[{value}] + rest"
    lines += [*body, "    " * level + f"return {combined}"]
    return "\n".join([*lines, "return rest"] if level else lines)


def _inner(operation: Operation, final: bool) -> str:
    """Prefer an inner recursive function, then the expression, then a loop."""
    if operation.recursive or operation.inline:
        return operation.recursive
    return (operation.blocks or operation.returning)[0]


def render_helper(scene: Scene, random: Random) -> str | None:
    """Write the first filter or map as a small inner function."""
    operation = scene.chain[0].operation
    if not (operation.element or operation.condition):
        return None
    holes = scene.holes(scene.chain[0], scene.start)
    name = holes["x"]
    item = TYPES[operation.source].annotation[5:-1]
    if operation.element:
        made = TYPES[operation.target].annotation[5:-1]
        head = f"def change({name}: {item}) -> {made}:\n    return {fill(operation.element, holes)}\n"
        value = f"[change({name}) for {name} in {scene.start}]"
    else:
        head = f"def fits({name}: {item}) -> bool:\n    return {fill(operation.condition, holes)}\n"
        value = f"[{name} for {name} in {scene.start} if fits({name})]"
    return _after_helper(scene, head, value)


def _after_helper(scene: Scene, head: str, value: str) -> str | None:
    pieces = [head]
    for before, applied in pairwise(scene.chain):
        out = scene.variable(before.operation)
        pieces.append(f"{out} = {value}")
        if not applied.operation.inline:
            return None
        value = scene.inline(applied, out)
    return "\n".join([*pieces, f"return {value}"])
