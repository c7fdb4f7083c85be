"""``codeprimer import-model``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from codeprimer.commands.shared import Dtype, console_for


def import_model(
    source: Annotated[Path, typer.Argument(help="Folder of a Phi checkpoint, in any layout.")],
    target: Annotated[Path, typer.Argument(help="Folder to create.")],
    dtype: Annotated[Dtype, typer.Option("--dtype", help="Data type of the weights.")] = "float32",
) -> None:
    """Import a Phi checkpoint (microsoft/phi-1, old or new layout, sharded or not) for use with codeprimer."""
    from codeprimer.run import models as model_files

    line = model_files.import_model(source, target, dtype)
    console_for(False).say(f"{target}: {line}")
