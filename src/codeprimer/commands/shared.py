"""Code that commands share: options, and opening a recipe and its run folder."""

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
    typer.Argument(help="A recipe (YAML), or a run folder, which contains its recipe.", metavar="RECIPE|RUN"),
]
RunPath = Annotated[Path, typer.Argument(help="A run folder, such as runs/tiny.", metavar="RUN")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", "-s", help="Override a setting: section.key=value.", metavar="KEY=VALUE")
]
DEFAULT_RUNS = Path("runs")
Runs = Annotated[Path, typer.Option("--runs", help="Folder that holds all runs and their store.")]
WeakSandbox = Annotated[
    bool,
    typer.Option(
        "--allow-weak-sandbox",
        help="Run programs even in a weak sandbox, which stops accidents but not attacks (macOS).",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def open_recipe(path: Path, overrides: list[str] | None, runs: Path, console: Console) -> tuple[Recipe, RunFolder]:
    """Return the recipe and the run folder for the path of a recipe or of a run folder."""
    from codeprimer.run.folder import RECIPE, RunFolder, open_run
    from codeprimer.run.loading import load_recipe
    from codeprimer.run.machine import with_start

    if path.is_dir():
        folder = open_run(path)
        if runs not in (DEFAULT_RUNS, folder.path.parent):
            console.warn(f"--runs {runs} is ignored: {path} is a run folder and stays where it is")
        return with_start(load_recipe(folder.path / RECIPE, overrides or [])), folder
    recipe = with_start(load_recipe(path, overrides or []))
    return recipe, RunFolder(runs / recipe.name)


def console_for(json: bool) -> Console:
    """Return the console that a command prints to."""
    mode: Mode = "json" if json else "auto"
    return Console(mode)


def print_json(value: object) -> None:
    """Print a value as indented JSON with sorted keys."""
    import orjson

    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n")
