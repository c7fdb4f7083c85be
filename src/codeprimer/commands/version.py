"""``codeprimer version``."""

from __future__ import annotations

import typer

import codeprimer


def version() -> None:
    """Print the version."""
    typer.echo(codeprimer.__version__)
