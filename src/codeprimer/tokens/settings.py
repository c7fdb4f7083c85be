"""The settings of the tokens stage."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from codeprimer.core.settings import Settings


class TokensSettings(Settings):
    """The tokenizer and the encoding."""

    vocabulary: int = Field(
        default=1024, ge=320, le=65_536, description="Vocabulary size [tokens]; a small corpus may yield fewer."
    )
    context: int = Field(
        default=256,
        ge=16,
        description="Context length in which every exam and validation problem must fit together with its answer [tokens].",
    )
    sample_bytes: int = Field(
        default=6_000_000,
        ge=10_000,
        description="Amount of text, across all sets, that the vocabulary is learnt from [bytes].",
    )
    mixture: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default={"code": 0.4, "textbooks": 0.2, "exercises": 0.4},
        min_length=1,
        description="Weight of each training set in the text that the vocabulary is learnt from.",
    )
    limit_tokens: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default={},
        description="Approximate maximum size of each listed training set [tokens]; its documents are sampled at random. "
        "Other sets are encoded completely.",
    )
    checked_documents: int = Field(
        default=200, ge=1, description="Number of documents per set on which tiktoken and tokenizers must agree."
    )
