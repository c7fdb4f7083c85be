"""Lists the installed plug-ins, with their packages and settings."""

from __future__ import annotations

from typing import Any

from codeprimer.core.errors import PluginError
from codeprimer.core.plugins import ROLES, kinds, load, package_of, wanted


def installed() -> list[dict[str, Any]]:
    """Return every plug-in: role, kind, package, what it does, the names of its settings and the tools that it requests."""
    found = []
    for role in ROLES:
        for kind in kinds(role):
            facts: dict[str, Any] = {"role": role, "kind": kind, "package": package_of(role, kind)}
            try:
                plugin = load(role, kind)
            except PluginError as error:
                found.append(facts | {"about": "", "settings": [], "tools": [], "problem": str(error)})
                continue
            about = (plugin.__doc__ or "").strip().partition("\n")[0]
            settings = [name for name in plugin.Settings.model_fields if name != "kind"]
            found.append(facts | {"about": about, "settings": settings, "tools": list(wanted(plugin)), "problem": ""})
    return found
