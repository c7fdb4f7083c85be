"""Any file in HumanEval's format: ``task_id``, ``prompt``, ``entry_point``, ``canonical_solution`` and ``test``."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from codeprimer.benchmarks.benchmark import make_task
from codeprimer.benchmarks.files import FileBenchmark, text
from codeprimer.core.documents import Task
from codeprimer.core.plugins import PluginSettings
from codeprimer.core.settings import NOT_IN_ID


class JsonlSettings(PluginSettings):
    """The settings of a file in HumanEval's format."""

    path: Path = Field(json_schema_extra=NOT_IN_ID, description="The file (.jsonl, .jsonl.gz, .json).")


class JsonlBenchmark(FileBenchmark):
    """A file in HumanEval's format."""

    Settings: ClassVar[type[PluginSettings]] = JsonlSettings

    @classmethod
    def reads(cls, record: Mapping[str, Any]) -> bool:
        """Return whether the record has HumanEval's key for a solution."""
        return "canonical_solution" in record

    def task(self, record: Mapping[str, Any]) -> Task:
        """Return the task in a record; its ``test`` defines ``check``."""
        prompt, entry_point = text(record, "prompt"), text(record, "entry_point")
        tests = [text(record, "test") + f"\ncheck({entry_point})"]
        return make_task(
            text(record, "task_id"), entry_point, prompt, text(record, "canonical_solution"), tests, _helpers(prompt)
        )


def _helpers(prompt: str) -> str:
    """Return the code in a prompt before the function that it asks for; tests may use it too."""
    *helpers, _ = ast.parse(prompt + "    pass\n").body
    return "".join(f"{ast.unparse(helper)}\n" for helper in helpers)
