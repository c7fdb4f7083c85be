"""``codeprimer import-model``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from codeprimer.commands.shared import Dtype, console_for


def import_model(
    source: Annotated[Path, typer.Argument(help="The folder of a Phi checkpoint, of whichever layout.")],
    target: Annotated[Path, typer.Argument(help="The folder to make.")],
    dtype: Annotated[Dtype, typer.Option("--dtype", help="Numbers of the weights.")] = "float32",
) -> None:
    """Read a Phi checkpoint (microsoft/phi-1 old or new, whole or in shards) into the layout of codeprimer."""
    from codeprimer.run import models as model_files

    line = model_files.import_model(source, target, dtype)
    console_for(False).say(f"{target}: {line}")
