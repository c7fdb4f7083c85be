"""What tests of stages share: tools as the assembly would hand them over."""

from __future__ import annotations

from typing import Any

from codeprimer.core.console import Console
from codeprimer.core.plugins import Tool
from codeprimer.core.stage import Tools
from codeprimer.engines.local import local_engine

QUIET = Console("quiet")


def given(tool: Any) -> Tool:
    """Return a tool that is there already."""
    return Tool(lambda: tool)


def stage_tools(console: Console = QUIET, seed: int = 1, processes: int = 1, **toolbox: Tool) -> Tools:
    """Return tools for a stage; ``toolbox`` is what its plug-ins may ask for beside the console and the seed."""
    offered = {"console": given(console), "seed": Tool(lambda: seed, lambda: seed), **toolbox}
    return Tools(local_engine(console, processes), console, seed, offered)
