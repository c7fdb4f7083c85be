"""Publishes a benchmark's outcome: writes the result to disk and prints the targets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def publish(output: Path, targets: Mapping[str, bool | None], result: Mapping[str, Any]) -> int:
    """Write a result with its targets, print which targets are met (None: not measured), and return the exit code."""
    passed = all(met is not False for met in targets.values())
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps({"passed": passed, "targets": targets, **result}, indent=2) + "\n")
    for name, met in targets.items():
        print(f"{name}: {'not measured' if met is None else 'yes' if met else 'NO'}")
    return 0 if passed else 1
