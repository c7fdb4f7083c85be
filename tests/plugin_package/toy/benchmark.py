"""A benchmark: a file of JSON lines with ``id``, ``signature``, ``task``, ``answer`` and ``checks``."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from codeprimer.api import FileBenchmark, FileSettings, Task, make_task


class KatasSettings(FileSettings):
    """The file; ``path`` is inherited."""

    level: int = Field(default=0, ge=0, description="Only tasks of this level; 0: all.")


class KatasBenchmark(FileBenchmark):
    """Small tasks: a signature and a docstring are to be completed."""

    Settings = KatasSettings

    @classmethod
    def reads(cls, record: Mapping[str, Any]) -> bool:
        """Return whether a file with such records is one of ours, so that `--on FILE` finds it."""
        return {"signature", "task", "checks"} <= record.keys()

    def task(self, record: Mapping[str, Any]) -> Task | None:
        """Return the task in a record; None leaves it out."""
        if self.settings.level not in (0, record["level"]):
            return None
        prompt = f'def {record["signature"]}:\n    """{record["task"]}"""\n'
        name = record["signature"].partition("(")[0]
        return make_task(f"katas/{record['id']}", name, prompt, record["answer"], record["checks"])
