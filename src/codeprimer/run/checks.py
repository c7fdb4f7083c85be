"""Checks across sections: contradictory settings, and tools that plug-ins request but the recipe does not define."""

from __future__ import annotations

from collections.abc import Iterator

from codeprimer.core.plugins import load, plugins_in, wanted
from codeprimer.run.recipe import Recipe
from codeprimer.run.stages import STAGES


def findings(recipe: Recipe) -> Iterator[str]:
    """Yield the contradictions in a recipe, as sentences that start with the key."""
    wishes = [(key, of.kind, wanted(load(role, of.kind))) for key, role, of in plugins_in(recipe)]
    asking = [(key, kind) for key, kind, names in wishes if "teacher" in names]
    if asking and recipe.teacher is None:
        key, kind = asking[0]
        yield f"{key}: {kind} asks a language model; define it in a `teacher` section (base_url, model, ...)"
    if recipe.second_teacher is not None and not any("second_teacher" in names for _, _, names in wishes):
        yield "second_teacher: no annotator or author asks a teacher, so there is nothing to compare; remove it"
    for stage in STAGES:
        if (section := recipe.section(stage.name)) is not None:
            yield from stage.contradictions(section, recipe)
