"""What no schema can see: settings that contradict each other, and tools that plug-ins want and a recipe does not give."""

from __future__ import annotations

from collections.abc import Iterator

from codeprimer.core.plugins import load, plugins_in, wanted
from codeprimer.run.recipe import Recipe
from codeprimer.run.stages import STAGES


def findings(recipe: Recipe) -> Iterator[str]:
    """Yield what contradicts itself in a recipe, a sentence each that starts with the key."""
    wishes = [(key, of.kind, wanted(load(role, of.kind))) for key, role, of in plugins_in(recipe)]
    asking = [(key, kind) for key, kind, names in wishes if "teacher" in names]
    if asking and recipe.teacher is None:
        key, kind = asking[0]
        yield f"{key}: {kind} asks a language model; say which one in a section teacher (base_url, model, ...)"
    if recipe.second_teacher is not None and not any("second_teacher" in names for _, _, names in wishes):
        yield "second_teacher: there is nothing to compare, because no annotator and no author asks a teacher; take it out"
    for stage in STAGES:
        if (section := recipe.section(stage.name)) is not None:
            yield from stage.contradictions(section, recipe)
