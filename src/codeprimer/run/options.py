"""The plug-ins that a command line selects: a kind or a path, and settings as ``KEY=VALUE``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from codeprimer.benchmarks.detect import kind_at
from codeprimer.core.errors import UserError
from codeprimer.core.plugins import PluginSettings, Role, kinds, load, setting_error
from codeprimer.run.loading import apply_override, with_absolute_paths

GRADER = "grader"


def select_benchmark(on: str, given: dict[str, Any], overrides: Sequence[str]) -> PluginSettings:
    """Return the settings of the benchmark that ``--on KIND|PATH`` selects.

    ``given`` are settings by name; settings that the benchmark does not have are ignored. ``overrides`` have the form
    KEY=VALUE. Raises UserError if there is no such benchmark, or if a setting is invalid.
    """
    value: dict[str, Any] = {"kind": on} if on in kinds("benchmark") else {"kind": kind_at(Path(on)), "path": on}
    fields = load("benchmark", value["kind"]).Settings.model_fields
    value |= {name: setting for name, setting in given.items() if name in fields}
    return _select("benchmark", value, [one for one in overrides if not one.startswith(f"{GRADER}.")])


def select_grader(kind: str, overrides: Sequence[str]) -> PluginSettings:
    """Return the settings of a grader; ``overrides`` have the form grader.KEY=VALUE; others are skipped.

    Raises UserError if there is no such grader, or if a setting is invalid.
    """
    start = f"{GRADER}."
    return _select(GRADER, {"kind": kind}, [one.removeprefix(start) for one in overrides if one.startswith(start)])


def _select(role: str, value: dict[str, Any], overrides: Sequence[str]) -> PluginSettings:
    for override in overrides:
        apply_override(value, override)
    try:
        parsed: PluginSettings = with_absolute_paths(Role(role).parse(value), Path.cwd(), "-s ")
        return parsed
    except ValidationError as error:
        raise UserError(f"-s {setting_error(role, value['kind'], error)}") from None
    except PydanticCustomError as error:
        raise UserError(error.message()) from None
