"""Plug-ins by kind, found as entry points; the built-ins register exactly like anybody's own package.

Kinds: ``sources``, ``annotators``, ``authors``, ``engines``. A package adds one with::

    [project.entry-points."codeprimer.sources"]
    gitlab = "my_package:GitlabSource"
"""

from __future__ import annotations

import difflib
from importlib.metadata import entry_points
from typing import Any

from codeprimer.core.errors import RecipeError


def names(kind: str) -> list[str]:
    """Return the names registered under ``kind``, sorted."""
    return sorted({point.name for point in entry_points(group=f"codeprimer.{kind}")})


def load(kind: str, name: str) -> Any:
    """Return the object registered as ``name`` under ``kind``.

    Raises RecipeError when nothing is registered under that name; the nearest known name is suggested.
    """
    for point in entry_points(group=f"codeprimer.{kind}"):
        if point.name == name:
            return point.load()
    raise RecipeError(f"{kind.rstrip('s')} {name!r} is not registered; {nearest(name, names(kind))}")


def nearest(word: str, known: list[str]) -> str:
    """Return a remedy clause: the nearest known word, or all of them."""
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else "known: " + ", ".join(known)
