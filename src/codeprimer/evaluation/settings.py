"""The settings of the evaluation stage: how long an answer may be, and how much text is measured."""

from __future__ import annotations

from pydantic import Field

from codeprimer.benchmarks.grading import NEW_TOKENS, SECONDS
from codeprimer.core.settings import Settings


class EvaluationSettings(Settings):
    """How the models are examined."""

    new_tokens: int = Field(
        default=NEW_TOKENS,
        ge=1,
        description="Longest answer of the exam [tokens]; the context may allow less. Checkpoints are chosen with the "
        "default.",
    )
    seconds: float = Field(
        default=SECONDS,
        gt=0,
        description="Processor time per program [s]; one that runs out of it is run again alone with twice as much.",
    )
    heldout_bytes: int = Field(
        default=120_000, ge=0, description="Held-out code that is measured in bits per byte [bytes]; 0 measures none."
    )
    document_bytes: int = Field(
        default=4_096,
        ge=64,
        description="No more of one held-out document is measured [bytes], so that many documents count.",
    )
