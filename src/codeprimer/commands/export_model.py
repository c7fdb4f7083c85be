"""``codeprimer export-model``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from codeprimer.commands.shared import Dtype, RunPath, console_for


def export_model(
    run_path: RunPath,
    model: Annotated[str, typer.Argument(help="The model: control, base or tuned.")],
    target: Annotated[Path, typer.Argument(help="Folder to create.")],
    dtype: Annotated[Dtype, typer.Option("--dtype", help="Data type of the weights.")] = "float32",
) -> None:
    """Export a run's model for transformers, vLLM and other libraries."""
    from codeprimer.run import models as model_files
    from codeprimer.run.folder import open_run

    line = model_files.export_model(open_run(run_path), model, target, dtype)
    console_for(False).say(f"{target}: {line}")
