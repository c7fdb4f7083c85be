"""The flow: the steps of a run, each after its inputs."""

from __future__ import annotations

from codeprimer.core.errors import RecipeError, nearest
from codeprimer.core.stage import Step
from codeprimer.run.recipe import Recipe
from codeprimer.run.stages import STAGES


def flow(recipe: Recipe) -> list[Step]:
    """Return the steps of a run, as its stages declare them."""
    steps: list[Step] = []
    for stage in STAGES:
        if (section := recipe.section(stage.name)) is not None:
            steps += stage.steps(section, recipe, tuple(steps))
    return steps


def steps_until(recipe: Recipe, until: str | None) -> list[Step]:
    """Return ``until`` (``quality`` or ``20-quality``) and only the steps that it needs; all steps if it is None.

    Raises RecipeError if there is no such step.
    """
    steps = flow(recipe)
    if until is None:
        return steps
    names = {name: step for step in steps for name in (step.name, step.link)}
    if until not in names:
        raise RecipeError(f"--until {until}: no such step; {nearest(until, [step.name for step in steps])}")
    wanted = {names[until].name}
    for step in reversed(steps):
        if step.name in wanted:
            wanted |= set(step.inputs.values())
    return [step for step in steps if step.name in wanted]
