"""``codeprimer plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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
from codeprimer.core.console import Console
from codeprimer.model.devices import DEVICES

if TYPE_CHECKING:
    from codeprimer.run.forecast.prediction import Forecast


def plan(  # noqa: PLR0913 - the options of a command are its arguments
    path: RecipeOrRun,
    machine: Annotated[
        str, typer.Option(help=f"here: measure a few real steps; {', '.join(DEVICES)}: compute from the datasheet.")
    ] = "here",
    tflops: Annotated[
        float | None,
        typer.Option(min=0.001, help="Matmul peak to use instead of the measured or datasheet peak [TFLOP/s]."),
    ] = None,
    utilization: Annotated[
        float | None,
        typer.Option(min=0.001, max=1.0, help="Expected utilization (0-1); on this machine, requires --tflops."),
    ] = None,
    price: Annotated[
        float | None, typer.Option(min=0.0, help="Price of this machine, or of each named device [USD/h].")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Include steps that are up to date.")] = False,
    overrides: Overrides = None,
    runs: Runs = DEFAULT_RUNS,
    json: Json = False,
) -> None:
    """Predict the time, memory, disk space and cost of the steps that are still to do."""
    from codeprimer.run.forecast.prediction import ForecastRequest
    from codeprimer.run.forecast.total import forecast

    console = console_for(False)  # with --json, standard output contains only the JSON document
    recipe, folder = open_recipe(path, overrides, runs, console)
    found = forecast(recipe, folder, ForecastRequest(machine, tflops, utilization, price, everything), console)
    if json:
        print_json(found.facts())
    else:
        show(console, found)


def show(console: Console, found: Forecast) -> None:
    """Print a forecast: a table, the basis of its figures, and warnings."""
    from rich.table import Table

    from codeprimer.reporting.wording import duration, size

    table = Table("step", "time", "memory", "disk", "peak disk", "USD", "basis", box=None)
    for column in table.columns[1:-1]:
        column.justify = "right"
    notes: dict[str, list[str]] = {}
    for of in found.steps:
        figures = [
            "" if of.seconds is None else duration(of.seconds),
            *("" if value is None else size(value) for value in (of.memory, of.disk, of.disk_at_most)),
            "" if of.usd is None else f"{of.usd:,.2f}",
        ]
        table.add_row(of.step, *figures, of.basis, style="dim" if of.seconds is None else "")
        for note in of.notes:
            notes.setdefault(note, []).append(of.step)
    console.table(table)
    for note, steps in notes.items():
        console.say(f"{', '.join(steps)}: {note}")
    unknown = [of.step for of in found.steps if of.basis == "not predicted"]
    without = f", excluding {', '.join(unknown)}" if unknown else ""
    energy = f"{found.kwh:,.3f} kWh, {found.co2_grams:,.0f} g of CO2"
    console.say(f"total: {duration(found.seconds)}, {found.usd:,.2f} USD, {energy}{without}")
    console.say(found.assumed)
    for warning in found.warnings:
        console.warn(warning)
