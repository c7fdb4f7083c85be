"""Composing an exercise from a blueprint: prompt, solution, tests.

The docstring, the solution and the tests are derived from one bound chain independently of each other, so an error
in any one makes it disagree with the others.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from random import Random
from types import MappingProxyType

from codeprimer.authors.offline import wording
from codeprimer.authors.offline.naming import draw_names
from codeprimer.authors.offline.rendering import Scene, indented, signature
from codeprimer.authors.offline.styles.fused import render_expression, render_loop
from codeprimer.authors.offline.styles.inner import render_helper, render_recursion
from codeprimer.authors.offline.styles.steps import empty_result, render_guard, render_steps, steps
from codeprimer.curriculum.binding import arguments_of, literal
from codeprimer.curriculum.blueprints import Blueprint, Exercise, Rejection, Step
from codeprimer.curriculum.cases import Case, settle
from codeprimer.curriculum.catalogue import concepts_of
from codeprimer.curriculum.values import TYPES

Renderer = Callable[[Scene, Random], str | None]

RENDERERS: Mapping[str, Renderer] = MappingProxyType(
    {
        "steps": render_steps,
        "expression": render_expression,
        "loop": render_loop,
        "recursion": render_recursion,
        "guard": render_guard,
        "helper": render_helper,
    }
)

EXAMPLE_PROBABILITY = 0.05
"""The probability that a prompt shows a call and its result."""

CUES = {
    "recursion": ("Use recursion.", 1.0),
    "loop": ("Use a loop.", 0.4),
    "helper": ("Use a helper function.", 0.6),
    "expression": ("Use one expression.", 0.2),
}
"""For each solution style, the hint that a prompt may contain, and its probability."""

_STYLE_CONCEPTS = {"loop": ("for_loops",), "guard": ("early_return",), "helper": ("functions",)}
NO_TESTS = Rejection("not_written", "no test could tell right from wrong")
"""The rejection of a blueprint for which ``compose`` returns None."""

_RECURSION = {"integer": "recursion_on_numbers", "text": "recursion_on_strings"}


def compose(blueprint: Blueprint) -> Exercise | None:
    """Return the exercise for a blueprint, or None if tests could not distinguish right from wrong solutions.

    Equal blueprints give equal exercises, in any process.
    """
    chain, cases = settle(blueprint)
    if cases is None:
        return None
    random = Random(blueprint.seed + 1)
    names = draw_names(blueprint.source, [applied.operation for applied in chain], random)
    start = f"self.{names.parameter}" if blueprint.frame == "method" else names.parameter
    said = wording.specify(blueprint.source, [(applied.operation, applied.holes) for applied in chain], random)
    scene = Scene(blueprint.source, chain, names, tuple(arguments_of(chain)), start, said.clauses)
    body, style = _render(scene, blueprint.style, random)
    return Exercise(
        blueprint=blueprint.key,
        concepts=_concepts(blueprint, style),
        style=style,
        entry_point=names.class_name if blueprint.frame == "method" else names.function,
        prompt=_prompt(scene, said.text, style, cases, random),
        solution=indented(body, 2 if blueprint.frame == "method" else 1) + "\n",
        tests=tuple(f"assert {call(scene, case)} == {literal(case.result)}" for case in cases),
        steps=_steps(scene, random),
        examples=tuple((call(scene, case), literal(case.result)) for case in cases),
    )


def _concepts(blueprint: Blueprint, style: str) -> tuple[str, ...]:
    """Return the concepts that the operations and the solution's style practise."""
    found = list(concepts_of(blueprint.operations))
    if style == "recursion":
        found.append(_RECURSION.get(blueprint.source, "recursion_on_lists"))
    found += _STYLE_CONCEPTS.get(style, ())
    found += ["simple_classes"] if blueprint.frame == "method" else []
    return tuple(dict.fromkeys(found))


def _render(scene: Scene, style: str, random: Random) -> tuple[str, str]:
    """Return the body and its style, which is ``steps`` if the requested style does not fit.

    A body rendered as ``loop`` may lack a loop; it is then treated as ``steps``, so that its prompt does not ask for a loop.
    """
    changes = any(applied.operation.change for applied in scene.chain)
    body = None if changes else RENDERERS[style](scene, random)
    if body is None:
        return render_steps(scene, random), "steps"
    return body, "steps" if style == "loop" and not _loops(body) else style


def _loops(body: str) -> bool:
    return any(isinstance(node, ast.For | ast.While) for node in ast.walk(ast.parse(body)))


def call(scene: Scene, case: Case) -> str:
    """Return the function call for one case as source text."""
    if scene.start.startswith("self."):
        return f"{scene.names.class_name}({literal(case.value)}).{scene.names.function}({case.inputs[2:]})"
    return f"{scene.names.function}({literal(case.value)}{case.inputs})"


def specification(exercise: Exercise) -> str:
    """Return the docstring of a composed exercise on one line, without its example."""
    return " ".join(exercise.prompt.split('"""')[1].partition(">>>")[0].split())


def _prompt(scene: Scene, text: str, style: str, cases: Sequence[Case], random: Random) -> str:
    cue, probability = CUES.get(style, ("", 0.0))
    if random.random() < probability:
        text += " " + cue
    if style == "guard" and random.random() < 0.5:
        text += f" Empty input gives {empty_result(scene)}."
    extra = []
    if random.random() < EXAMPLE_PROBABILITY:
        case = random.choice(cases)
        extra = [f">>> {call(scene, case)}", literal(case.result)]
    target = scene.chain[-1].operation.target
    if not scene.start.startswith("self."):
        return f"{signature(scene, target)}\n{wording.docstring(text, extra, '    ')}"
    kind = TYPES[scene.source]
    return (
        f"class {scene.names.class_name}:\n"
        f"    def __init__(self, {scene.names.parameter}: {kind.annotation}) -> None:\n"
        f"        {scene.start} = {kind.stored.replace('$v', scene.names.parameter)}\n\n"
        f"    {signature(scene, target)}\n{wording.docstring(text, extra, '        ')}"
    )


def _steps(scene: Scene, random: Random) -> tuple[Step, ...]:
    written = steps(scene, random)
    subject = wording.subject_of(scene.source)
    return tuple(
        Step(
            wording.clause(applied.operation, applied.holes, subject if index == 0 else "it", random),
            written[index],
        )
        for index, applied in enumerate(scene.chain)
    )
