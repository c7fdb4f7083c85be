"""The recipe's ``exam`` section."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from codeprimer.benchmarks.benchmark import BENCHMARK
from codeprimer.core.plugins import PluginSettings
from codeprimer.core.settings import Settings


class ExamSettings(Settings):
    """How many problems are held out, and which benchmarks training data is checked against."""

    problems: int = Field(
        default=320, ge=10, le=1000, description="Number of exam problems, each with its own composition."
    )
    validation: int = Field(
        default=100,
        ge=10,
        le=1000,
        description="Number of problems that are used to select checkpoints; exam problems never are.",
    )
    longest_program: int = Field(
        default=640,
        ge=300,
        description="Maximum length of a problem with its solution [characters]; a token has about 2.9 characters, and every "
        "problem must fit into tokens.context.",
    )
    seed: int = Field(
        default=2024, ge=0, description="Sampling seed, independent of the recipe's seed so that runs are comparable."
    )
    benchmarks: tuple[Annotated[PluginSettings, BENCHMARK], ...] = Field(
        default=(),
        description="Benchmarks that training data is checked against: humaneval, mbpp (files in the folder "
        "CODEPRIMER_BENCHMARKS), a path, or auto for all benchmarks whose files are in that folder.",
    )
