"""``codeprimer ask``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from codeprimer.commands.shared import DEFAULT_RUNS, Overrides, Runs
from codeprimer.core.console import without_controls


def ask(
    recipe_file: Annotated[Path, typer.Argument(help="Recipe with a `teacher` section.", metavar="RECIPE")],
    question: Annotated[str, typer.Argument(help="The question; '-' reads standard input.")],
    sample: Annotated[int, typer.Option(min=0, help="Sample index; a different index gives a different answer.")] = 0,
    overrides: Overrides = None,
    runs: Runs = DEFAULT_RUNS,
) -> None:
    """Ask a recipe's teacher one question; print the answer, its cost and its time."""
    from codeprimer.run.ask import ask_once, teacher_settings

    text = sys.stdin.read() if question == "-" else question
    asked = ask_once(teacher_settings(recipe_file, overrides or []), text, sample, runs)
    typer.echo(without_controls(asked.text))
    typer.echo(without_controls(asked.about), err=True)
