"""What commands share: options, and how a path becomes a recipe with its run folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from codeprimer.core.console import Console, Mode

if TYPE_CHECKING:
    from codeprimer.run.folder import RunFolder
    from codeprimer.run.recipe import Recipe

Dtype = Literal["float32", "bfloat16", "float16"]
Backend = Literal["auto", "codeprimer", "transformers", "endpoint"]

RecipeOrRun = Annotated[
    Path,
    typer.Argument(
        help="A recipe (YAML), or the folder of a run: its recipe, beside its own store.", metavar="RECIPE|RUN"
    ),
]
RunPath = Annotated[Path, typer.Argument(help="A run's folder, such as runs/tiny.", metavar="RUN")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", "-s", help="Override one setting: section.key=value.", metavar="KEY=VALUE")
]
DEFAULT_RUNS = Path("runs")
Runs = Annotated[Path, typer.Option("--runs", help="The folder of all runs and their store.")]
WeakSandbox = Annotated[
    bool,
    typer.Option(
        "--allow-weak-sandbox",
        help="Run programs even where the system offers only a sandbox that stops mistakes but no attack (macOS).",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def open_recipe(path: Path, overrides: list[str] | None, runs: Path, console: Console) -> tuple[Recipe, RunFolder]:
    """Return the recipe and the run folder that a path stands for; a run's folder stays where it is."""
    from codeprimer.run.folder import RECIPE, RunFolder, open_run
    from codeprimer.run.loading import load_recipe
    from codeprimer.run.machine import with_start

    if path.is_dir():
        folder = open_run(path)
        if runs not in (DEFAULT_RUNS, folder.path.parent):
            console.warn(f"--runs {runs} has no meaning with a run's folder: {path} stays where it is")
        return with_start(load_recipe(folder.path / RECIPE, overrides or [])), folder
    recipe = with_start(load_recipe(path, overrides or []))
    return recipe, RunFolder(runs / recipe.name)


def console_for(json: bool) -> Console:
    mode: Mode = "json" if json else "auto"
    return Console(mode)


def print_json(value: object) -> None:
    import orjson

    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n")
