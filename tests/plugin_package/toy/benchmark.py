"""A benchmark in a file of JSON lines with ``id``, ``signature``, ``task``, ``answer`` and ``checks``."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from codeprimer.api import FileBenchmark, FileSettings, Task, make_task


class KatasSettings(FileSettings):
    """The file and the level of its tasks; ``path`` is inherited."""

    level: int = Field(default=0, ge=0, description="Level of the tasks that are asked; 0: all levels.")


class KatasBenchmark(FileBenchmark):
    """Small tasks: a model completes a signature and a docstring."""

    Settings = KatasSettings

    @classmethod
    def reads(cls, record: Mapping[str, Any]) -> bool:
        """Return whether a file with this record is in our format, so that ``--on FILE`` finds this benchmark."""
        return {"signature", "task", "checks"} <= record.keys()

    def task(self, record: Mapping[str, Any]) -> Task | None:
        """Return the task in a record, or None to skip the record."""
        if self.settings.level not in (0, record["level"]):
            return None
        prompt = f'def {record["signature"]}:\n    """{record["task"]}"""\n'
        name = record["signature"].partition("(")[0]
        return make_task(f"katas/{record['id']}", name, prompt, record["answer"], record["checks"])
