"""``codeprimer doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from codeprimer.commands.shared import Json, console_for, print_json


def doctor(
    teacher: Annotated[
        Path | None, typer.Option(help="Check this recipe's teacher instead of the machine, with two small requests.")
    ] = None,
    json: Json = False,
) -> None:
    """Check this machine, or a recipe's teacher, and report what is missing."""
    from codeprimer.run.doctor import examine, examine_teacher, print_findings

    findings = examine() if teacher is None else examine_teacher(teacher)
    if json:
        print_json(findings)
    else:
        print_findings(console_for(False), findings)
    if teacher is not None and any(finding["state"] == "poor" for finding in findings):
        raise typer.Exit(2)
