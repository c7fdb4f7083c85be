"""``codeprimer recipe``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from codeprimer.commands.shared import Overrides


def recipe(
    recipe_file: Annotated[
        Path | None, typer.Argument(help="A recipe; without one, the defaults are printed.", metavar="[RECIPE]")
    ] = None,
    overrides: Overrides = None,
    reference: Annotated[bool, typer.Option(help="Print a reference for all settings as Markdown.")] = False,
) -> None:
    """Print a complete recipe: every setting, its value and its meaning."""
    from codeprimer.run.loading import load_recipe, parse_recipe
    from codeprimer.run.recipe_text import render_recipe, render_reference

    if reference:
        typer.echo(render_reference(), nl=False)
        return
    loaded = load_recipe(recipe_file, overrides or []) if recipe_file else parse_recipe({"name": "default"}, "defaults")
    typer.echo(render_recipe(loaded), nl=False)
