"""The settings of the tokens stage."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from codeprimer.core.settings import Settings


class TokensSettings(Settings):
    """How texts become tokens."""

    vocabulary: int = Field(
        default=1024, ge=320, le=65_536, description="Size of the vocabulary [tokens]; a small corpus may yield fewer."
    )
    context: int = Field(
        default=256,
        ge=16,
        description="Length within which every exam and validation problem must fit with its answer [tokens].",
    )
    sample_bytes: int = Field(
        default=6_000_000, ge=10_000, description="How much text the vocabulary is learnt from, over all sets [bytes]."
    )
    mixture: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default={"code": 0.4, "textbooks": 0.2, "exercises": 0.4},
        min_length=1,
        description="Share of each training set in the text that the vocabulary is learnt from.",
    )
    limit_tokens: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default={},
        description="About how much of a training set is encoded at most [tokens]; documents are taken in a random "
        "order. A set that is not named is encoded whole.",
    )
    checked_documents: int = Field(
        default=200, ge=1, description="Documents per set for which tiktoken and tokenizers must give the same ids."
    )
