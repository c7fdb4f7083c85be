"""``codeprimer run``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from codeprimer.commands.shared import (
    DEFAULT_RUNS,
    Json,
    Overrides,
    RecipeOrRun,
    Runs,
    WeakSandbox,
    console_for,
    open_recipe,
)
from codeprimer.core.console import Console


def run(  # noqa: PLR0913 - the options of a command are its arguments
    path: RecipeOrRun,
    until: Annotated[str | None, typer.Option(help="Stop after this step, such as quality.")] = None,
    overrides: Overrides = None,
    runs: Runs = DEFAULT_RUNS,
    processes: Annotated[int, typer.Option(min=0, help="Worker processes; 0 means one per core.")] = 0,
    allow_weak_sandbox: WeakSandbox = False,
    json: Json = False,
) -> None:
    """Run a recipe; steps that are up to date are skipped."""
    from codeprimer.core.artifact import out_of_space, write_atomically
    from codeprimer.run import execute, machine
    from codeprimer.run.changes import replaced
    from codeprimer.run.flow import steps_until
    from codeprimer.run.folder import RECIPE
    from codeprimer.run.recipe_text import render_recipe
    from codeprimer.run.tools import make_tools
    from codeprimer.training.launched import follow, is_follower, leading

    if is_follower():
        follow()
    console = console_for(json)
    recipe, folder = open_recipe(path, overrides, runs, console)
    steps = steps_until(recipe, until)
    with folder.alone(), out_of_space(folder.path), leading():
        started = time.monotonic()
        tier = machine.settle_sandbox(folder, steps, allow_weak_sandbox)
        settled = machine.settle_machine(recipe, folder, steps)
        machine.check_precision(recipe, settled, steps, console)
        write_atomically(folder.path / RECIPE, render_recipe(recipe).encode())
        tools = make_tools(settled, folder, tier, console, processes)
        planned = execute.plan(steps_until(settled, until), folder.store, tools)
        if (loss := replaced(folder, planned)) is not None:
            console.warn(loss)
        machine.check_teachers(settled, planned)
        for step, built in execute.run(planned, folder, tools):
            _say_built(console, step.link, built.reused, built.seconds, built.headline)
            console.event("step_done", step=step.name, id=built.artifact.id, reused=built.reused, seconds=built.seconds)
        console.say(f"[dim]{time.monotonic() - started:.1f} s in total, run folder {folder.path}[/]")
    if until is None:
        _show_result(console, folder.path)


def _say_built(console: Console, link: str, reused: bool, seconds: float, headline: str) -> None:
    state = "[dim]up to date[/]" if reused else f"[green]{seconds:8.1f} s[/]"
    console.say(f"{link:<17} {state:>10}  {escape(headline)}")


def _show_result(console: Console, folder: Path) -> None:
    from codeprimer.report.facts import collect_facts, score_table
    from codeprimer.run.folder import open_run

    opened = open_run(folder)
    facts = collect_facts(opened.links())
    console.table(score_table(facts))
    report = opened.artifact("report").path / "report.html"
    console.say(f"report: {report}")
    console.event("finished", report=str(report), scores=facts["evaluation"]["scores"])
