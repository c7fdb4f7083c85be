"""``codeprimer trace``."""

from __future__ import annotations

from typing import Annotated

import typer

from codeprimer.commands.shared import Json, RunPath, console_for, print_json


def trace(
    run_path: RunPath,
    document: Annotated[
        str,
        typer.Argument(
            help="A document id or at least its first 8 characters, or a path or the end of one.", metavar="DOCUMENT"
        ),
    ],
    json: Json = False,
) -> None:
    """Print every row about one document, in all tables of a run."""
    from codeprimer.run.folder import open_run
    from codeprimer.run.trace import print_life, trace_document

    life = trace_document(open_run(run_path), document)
    if json:
        print_json(life)
    else:
        print_life(console_for(False), life)
