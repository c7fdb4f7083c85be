"""The exam: the held-out problems that the exam stage sealed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from codeprimer.benchmarks.benchmark import Benchmark
from codeprimer.benchmarks.bodies import cut, margin_of
from codeprimer.core.artifact import Artifact, open_artifact
from codeprimer.core.documents import Task
from codeprimer.core.plugins import PluginSettings
from codeprimer.core.settings import NOT_IN_ID
from codeprimer.sandbox import Program

NEW_TOKENS = 192
"""Default maximum answer length [tokens]."""

Table = Literal["exam", "validation"]


class SealedExamSettings(PluginSettings):
    """Which table of an exam artefact is used."""

    path: Path = Field(json_schema_extra=NOT_IN_ID, description="The exam artefact, such as runs/tiny/05-exam.")
    table: Table = Field(
        default="exam", description="Which problems are used: exam, or validation (for selecting checkpoints)."
    )


class ExamBenchmark(Benchmark):
    """A run's exam."""

    Settings = SealedExamSettings
    seconds: ClassVar[float] = 2.0

    @classmethod
    def of(cls, artifact: Artifact, table: Table = "exam") -> ExamBenchmark:
        """Return the benchmark for an exam artefact."""
        return cls(SealedExamSettings(kind="exam", path=artifact.path, table=table))

    @classmethod
    def reads(cls, record: Mapping[str, Any]) -> bool:
        """Return whether the record is an exam artefact's manifest."""
        return record.get("stage") == "exam" and "headline" in record

    @property
    def trusted_tests(self) -> bool:
        """True: the curriculum generates the tests."""
        return True

    def tasks(self) -> Iterator[Task]:
        """Yield the problems. Raises StoreError if the artefact cannot be read."""
        yield from open_artifact(self.settings.path).rows(self.settings.table, None, Task)

    def digest(self) -> str:
        """Return the artefact's id."""
        return open_artifact(self.settings.path).id

    def cut(self, task: Task, completion: str) -> str:
        """Return the body, with one newline at its end."""
        return cut(completion, margin_of(task["prompt"])) + "\n"

    def reference(self, task: Task) -> str:
        """Return the solution, preceded by the whitespace at the end of the prompt."""
        prompt = task["prompt"]
        return prompt[len(prompt.rstrip()) :] + task["solution"]

    def program(self, task: Task, answer: str, together: bool = False) -> Program:
        """Return the program; an answer continues the prompt without its trailing whitespace."""
        return super().program({**task, "prompt": task["prompt"].rstrip()}, answer, together)
