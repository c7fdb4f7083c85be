"""``codeprimer complete``."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from codeprimer.commands.shared import console_for


def complete(
    what: Annotated[
        Path, typer.Argument(help="A run, or the folder of a codeprimer checkpoint.", metavar="RUN|CHECKPOINT")
    ],
    prompt: Annotated[str, typer.Option(help="The start of a function; '-' reads standard input; \\n is a newline.")],
    model: Annotated[str | None, typer.Option(help="With a run: control, base or tuned (default).")] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Maximum length of the answer, in tokens.")] = 160,
    stream: Annotated[bool, typer.Option("--stream", help="Print the text while it is generated.")] = False,
) -> None:
    """Complete a function with a trained model."""
    from codeprimer.run.complete import complete_function

    text = sys.stdin.read() if prompt == "-" else prompt.replace("\\n", "\n")
    tell = partial(print, end="", flush=True) if stream else None
    completed = complete_function(what, model, text, max_new_tokens, tell)
    typer.echo("" if stream else completed.text)
    if completed.cut:
        console_for(False).warn(completed.cut)
