"""``codeprimer init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from codeprimer.commands.shared import console_for


def init(
    folder: Annotated[Path, typer.Argument(help="Folder of Python code.")],
    output: Annotated[Path | None, typer.Option(help="Recipe to write [default: NAME.yaml].")] = None,
) -> None:
    """Write a recipe for a folder of your own code."""
    from codeprimer.run.init import write_recipe

    path = write_recipe(folder, output)
    console_for(False).say(
        f"{path} written; `codeprimer run {path} --until quality` filters the folder; without --until it also trains models"
    )
