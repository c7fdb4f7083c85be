"""``codeprimer plugins``."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from codeprimer.commands.shared import Json, console_for, print_json


def plugins(json: Json = False) -> None:
    """List the installed plug-ins: role, kind, package and settings."""
    from codeprimer.run.plugins import installed

    found = installed()
    if json:
        print_json(found)
        return
    table = Table("role", "kind", "package", "settings", box=None)
    for one in found:
        table.add_row(one["role"], one["kind"], one["package"], escape(", ".join(one["settings"]) or one["problem"]))
    console_for(False).table(table)
