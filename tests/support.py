"""What tests of stages share: tools as the assembly would hand them over."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from codeprimer.core import plugins
from codeprimer.core.console import Console
from codeprimer.core.plugins import Tool
from codeprimer.core.stage import Tools
from codeprimer.engines.local import local_engine

QUIET = Console("quiet")


class Listener(Console):
    """A quiet console that records its warnings."""

    def __init__(self) -> None:
        super().__init__("quiet")
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def given(tool: Any) -> Tool:
    """Return a tool that is there already."""
    return Tool(lambda: tool)


def stage_tools(console: Console = QUIET, seed: int = 1, processes: int = 1, **toolbox: Tool) -> Tools:
    """Return tools for a stage; ``toolbox`` is what its plug-ins may ask for beside the console and the seed."""
    offered = {"console": given(console), "seed": Tool(lambda: seed, lambda: seed), **toolbox}
    return Tools(local_engine(console, processes), console, seed, offered)


@contextmanager
def plugin_package(folder: Path, code: str, **points: str) -> Iterator[None]:
    """Install a package for as long as the context lasts: one module ``toy_plugins`` with this code, and its entry points.

    ``points`` maps a role to ``kind:Class``, such as ``filter="short:ShortFilter"``; spaces separate several.
    """
    (folder / "toy_plugins.py").write_text(textwrap.dedent(code))
    info = folder / "toy_plugins-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-plugins\nVersion: 1.2\n")
    lines = []
    for role, listed in points.items():
        lines += [f"[codeprimer.{role}s]", *(point.replace(":", " = toy_plugins:") for point in listed.split())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    sys.path.insert(0, str(folder))
    _forget_plugins()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop("toy_plugins", None)
        _forget_plugins()


def _forget_plugins() -> None:
    plugins._points.cache_clear()
    plugins.load.cache_clear()
    plugins.code_digest.cache_clear()
    importlib.invalidate_caches()
