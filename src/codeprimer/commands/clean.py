"""``codeprimer clean``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from codeprimer.commands.shared import DEFAULT_RUNS, Runs, console_for


def clean(
    runs: Runs = DEFAULT_RUNS,
    partials: Annotated[
        bool, typer.Option("--partials", help="Interrupted attempts too, with which the next run would continue.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove; without it the list is only shown.")] = False,
) -> None:
    """Remove artefacts that no run links to; with --partials also what interrupted runs would continue with."""
    from codeprimer.run import clean as cleaning

    console = console_for(False)
    waiting = cleaning.attempts(runs)
    found = cleaning.unlinked(runs) + (waiting if partials else [])
    for path, size in found:
        console.say(f"{size / 2**20:8.1f} MiB  {path}")
    if yes:
        cleaning.remove(runs, found)
    done = (
        "removed" if yes else f"could be removed; `codeprimer clean{' --partials' if partials else ''} --yes` does it"
    )
    console.say(f"{len(found)} folders, {_mebibytes(found)} {done}")
    if waiting and not partials:
        console.say(f"interrupted attempts that stay: {len(waiting)}, {_mebibytes(waiting)}; --partials takes them too")


def _mebibytes(sized: list[tuple[Path, int]]) -> str:
    return f"{sum(size for _, size in sized) / 2**20:.1f} MiB"
