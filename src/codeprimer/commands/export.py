"""``codeprimer export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from codeprimer.commands.shared import RunPath, console_for


def export(
    run_path: RunPath,
    table: Annotated[str, typer.Argument(help="STEP/TABLE, such as quality/kept.")],
    jsonl: Annotated[Path, typer.Option("--jsonl", help="File to write; '-' is standard output.")],
) -> None:
    """Write a table as JSON lines."""
    from codeprimer.run.export import export_jsonl
    from codeprimer.run.folder import open_run

    rows = export_jsonl(open_run(run_path), table, jsonl)
    if str(jsonl) != "-":
        console_for(False).say(f"{rows:,} rows written to {jsonl}")
