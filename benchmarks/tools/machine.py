"""The machine that a result was measured on."""

from __future__ import annotations

import platform
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

from codeprimer.core.memory import machine_memory
from codeprimer.core.stage import available_cores

INSTRUCTIONS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
"""The instruction sets that determine how fast matrix products are, and in which precision."""


def machine(packages: tuple[str, ...]) -> dict[str, Any]:
    """Describe the machine and the installed versions of ``packages``."""
    described = Path("/proc/cpuinfo").read_text()
    models = re.findall(r"^model name\s*:\s*(.*)$", described, re.MULTILINE)
    memory = machine_memory() / 1e9
    return {
        "cpu": models[0] if models else "unknown",
        "instructions": [
            name for name in INSTRUCTIONS if re.search(rf"^flags\s*:.*\b{name}\b", described, re.MULTILINE)
        ],
        "cores": available_cores(),
        "memory_GB": round(memory, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
    }
