"""``codeprimer status``."""

from __future__ import annotations

from rich.table import Table

from codeprimer.commands.shared import DEFAULT_RUNS, Json, Overrides, RecipeOrRun, Runs, console_for, open_recipe


def status(
    path: RecipeOrRun,
    overrides: Overrides = None,
    runs: Runs = DEFAULT_RUNS,
    json: Json = False,
) -> None:
    """Print the state of every step: up to date, running, interrupted or to do."""
    from codeprimer.run.execute import plan
    from codeprimer.run.flow import flow
    from codeprimer.run.machine import recorded_tier, with_machine
    from codeprimer.run.tools import make_tools

    console = console_for(json)
    recipe, folder = open_recipe(path, overrides, runs, console)
    recipe = with_machine(recipe, folder.machine())
    planned = plan(flow(recipe), folder.store, make_tools(recipe, folder, recorded_tier(folder), console))
    for item in planned:
        console.event("step", step=item.step.name, id=item.id, state=item.state)
    table = Table("step", "state", "artefact", box=None)
    for item in planned:
        color = {"up to date": "green", "running": "cyan", "interrupted": "yellow", "to do": "dim"}[item.state]
        table.add_row(item.step.link, f"[{color}]{item.state}[/]", f"{item.step.stage.name}-{item.id}")
    console.table(table)
