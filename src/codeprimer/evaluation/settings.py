"""The recipe's section ``evaluation``."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from pydantic import Field

from codeprimer.benchmarks.exam import NEW_TOKENS
from codeprimer.core.plugins import PluginSettings, Role, selected
from codeprimer.core.settings import Settings


class EvaluationSettings(Settings):
    """How the models are evaluated."""

    new_tokens: int = Field(
        default=NEW_TOKENS,
        ge=1,
        description="Most tokens of an answer to the exam, within the context. Checkpoints are selected with the default.",
    )
    grader: Annotated[PluginSettings, Role("grader", "tests")] = Field(
        default_factory=partial(selected, "grader", "tests"), description="What turns answers into verdicts."
    )
    heldout_bytes: int = Field(
        default=120_000, ge=0, description="Held-out code for bits per byte [bytes]; 0: not measured."
    )
    document_bytes: int = Field(
        default=4_096, ge=64, description="Most bytes of one held-out document, so that many documents count [bytes]."
    )
