"""What a recipe says about the exam."""

from __future__ import annotations

from pydantic import Field

from codeprimer.core.settings import NOT_IN_ID, Settings

BENCHMARK_NAMES = ("auto", "humaneval", "mbpp")
"""What stands for files in the folder CODEPRIMER_BENCHMARKS."""


class ExamSettings(Settings):
    """How many problems are held out, and which benchmarks training data is checked against."""

    problems: int = Field(default=320, ge=10, le=1000, description="Problems of the exam, each of its own composition.")
    validation: int = Field(
        default=100, ge=10, le=1000, description="Problems by which checkpoints are chosen; the exam never is."
    )
    longest_program: int = Field(
        default=640,
        ge=300,
        description="Longest problem with its solution [characters]; about 2.9 make a token, and all must fit tokens.context.",
    )
    seed: int = Field(
        default=2024, ge=0, description="Draws the problems; not the recipe's seed, so that runs compare."
    )
    benchmarks: tuple[str, ...] = Field(
        default=(),
        json_schema_extra=NOT_IN_ID,
        description="Benchmark files (.jsonl, .jsonl.gz, .json), the names humaneval and mbpp for those in the folder "
        "CODEPRIMER_BENCHMARKS, or auto for whatever is there.",
    )
