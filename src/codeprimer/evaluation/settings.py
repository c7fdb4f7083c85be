"""The recipe's ``evaluation`` section."""

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
        description="Maximum tokens per exam answer, within the context. The default is always used to select checkpoints.",
    )
    grader: Annotated[PluginSettings, Role("grader", "tests")] = Field(
        default_factory=partial(selected, "grader", "tests"),
        description="The grader, which turns answers into verdicts.",
    )
    heldout_bytes: int = Field(
        default=120_000,
        ge=0,
        description="Amount of held-out code on which bits per byte are measured [bytes]; 0: not measured.",
    )
    document_bytes: int = Field(
        default=4_096,
        ge=64,
        description="Maximum amount of text used from each held-out document, so that many documents are included [bytes].",
    )
