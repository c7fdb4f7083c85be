"""``codeprimer clean``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from codeprimer.commands.shared import DEFAULT_RUNS, Runs, console_for


def clean(
    runs: Runs = DEFAULT_RUNS,
    partials: Annotated[
        bool, typer.Option("--partials", help="Also remove interrupted attempts, which the next run would resume.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Remove the listed folders; without --yes, they are only listed.")
    ] = False,
) -> None:
    """Remove artefacts that no run links to."""
    from codeprimer.run import clean as cleaning

    console = console_for(False)
    waiting = cleaning.attempts(runs)
    found = cleaning.unlinked(runs) + (waiting if partials else [])
    for path, size in found:
        console.say(f"{size / 2**20:8.1f} MiB  {path}")
    if yes:
        cleaning.remove(runs, found)
    done = "removed" if yes else f"can be removed with `codeprimer clean{' --partials' if partials else ''} --yes`"
    console.say(f"{len(found)} folders, {_mebibytes(found)} {done}")
    if waiting and not partials:
        console.say(f"kept: {len(waiting)} interrupted attempts, {_mebibytes(waiting)}; --partials removes them too")


def _mebibytes(sized: list[tuple[Path, int]]) -> str:
    return f"{sum(size for _, size in sized) / 2**20:.1f} MiB"
