"""``codeprimer plan``."""

from __future__ import annotations

from typing import Annotated

import typer

from codeprimer.commands.shared import (
    DEFAULT_RUNS,
    Json,
    Overrides,
    RecipeOrRun,
    Runs,
    console_for,
    open_recipe,
    print_json,
)
from codeprimer.model.devices import DEVICES


def plan(  # noqa: PLR0913 - the options of a command are its arguments
    path: RecipeOrRun,
    machine: Annotated[
        str, typer.Option(help=f"here: a few real steps are taken; {', '.join(DEVICES)}: computed.")
    ] = "here",
    tflops: Annotated[
        float | None, typer.Option(min=0.001, help="Compute with so much, instead of measuring or a datasheet's peak.")
    ] = None,
    mfu: Annotated[
        float | None,
        typer.Option(
            min=0.001, max=1.0, help="The share of that which training reaches, else assumed; here it needs --tflops."
        ),
    ] = None,
    price: Annotated[float | None, typer.Option(min=0.0, help="Of this machine, or of one device [USD/h].")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Steps that are up to date too.")] = False,
    overrides: Overrides = None,
    runs: Runs = DEFAULT_RUNS,
    json: Json = False,
) -> None:
    """Predict what the steps that are still to do will take: time, memory, disk and money."""
    from codeprimer.run.forecast import Order, forecast, show

    console = console_for(False)  # with --json too: the one document is all that stands in standard output
    recipe, folder = open_recipe(path, overrides, runs, console)
    found = forecast(recipe, folder, Order(machine, tflops, mfu, price, everything), console)
    if json:
        print_json(found.facts())
    else:
        show(console, found)
