"""A first recipe for one's own code."""

from __future__ import annotations

import re
from pathlib import Path

from codeprimer.core.errors import UserError
from codeprimer.recipe import NAME_CHARACTERS

_TEMPLATE = """\
# Written by `codeprimer init`. `codeprimer recipe {file}` shows every setting with its default and meaning.
name: "{name}"

corpus:
  sources:
    - kind: folder
      name: "{name}"
      path: {path}

quality:
  keep_fraction: 0.25   # the best quarter; the threshold follows from it

# `codeprimer run {file} --until quality` stops with the filtered, deduplicated set in runs/{name}/20-quality/kept.
# Without --until the run goes on: textbooks, exercises, three small models and a report (needs codeprimer[train]).
"""


def write_recipe(folder: Path, output: Path | None) -> Path:
    """Write a recipe whose corpus is ``folder`` and return its path.

    Raises UserError when the folder is missing or holds no Python file, or when the recipe exists already.
    """
    folder = folder.expanduser()
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; give a folder of Python code")
    if next(folder.rglob("*.py"), None) is None:
        raise UserError(f"{folder} holds no Python file (*.py); give a folder of Python code")
    name = re.sub(r"[^a-z0-9._-]+", "-", folder.resolve().name.lower()).strip("-._") or "mine"
    name = name[:NAME_CHARACTERS].rstrip("-._")
    name = "my-store" if name == "store" else name
    path = output or Path(f"{name}.yaml")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(_TEMPLATE.format(file=path, name=name, path=_quoted(folder.resolve())))
    except FileExistsError:
        raise UserError(f"{path} exists already; remove it, or choose another with --output") from None
    return path


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
