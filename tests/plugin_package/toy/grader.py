"""A grader that requires passing tests and a short answer."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import Field

from codeprimer.api import Answer, Benchmark, ExecutionGrader, ExecutionSettings, Verdict, VerdictKind


class ConciseSettings(ExecutionSettings):
    """How long an answer may be; ``seconds`` is inherited."""

    max_lines: int = Field(default=20, ge=1, description="Longer answers fail, even if their tests pass.")


class ConciseGrader(ExecutionGrader):
    """Runs the tests, then fails long answers."""

    Settings = ConciseSettings

    def __init__(self, settings: ConciseSettings, *, sandbox: Any) -> None:
        super().__init__(settings, sandbox=sandbox)

    def grade(self, benchmark: Benchmark, answers: Sequence[Answer]) -> list[Verdict]:
        """Return one verdict per answer, in order."""
        verdicts = super().grade(benchmark, answers)
        lengths = [answer.text.strip().count("\n") + 1 for answer in answers]
        return [
            replace(verdict, kind=VerdictKind.failed, detail=f"{lines} lines")
            if lines > self.settings.max_lines
            else verdict
            for verdict, lines in zip(verdicts, lengths, strict=True)
        ]
