"""What a recipe says about the corpus."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from codeprimer.core.plugins import Role, selected
from codeprimer.core.settings import NOT_IN_ID, Settings
from codeprimer.corpus.sources.base import SourceSettings


class FilterSettings(Settings):
    """When a single file is dropped."""

    max_bytes: int = Field(default=1_000_000, ge=1_000, description="Longer files are dropped [bytes].")
    max_line: int = Field(default=1_000, ge=80, description="A longer line means minified or packed data [characters].")
    max_mean_line: float = Field(default=100.0, ge=20, description="A longer mean line means the same [characters].")
    min_space_share: float = Field(
        default=0.05, ge=0, le=1, description="Less white space than this share means minified or packed data."
    )
    max_literal_share: float = Field(
        default=0.9, gt=0, le=1, description="A larger share of lines that are literal values means a data table."
    )
    permissive_only: bool = Field(default=False, description="Drop files without a permissive licence.")


class NearDuplicateSettings(Settings):
    """When two files are taken for copies of each other."""

    enabled: bool = Field(default=True, description="Look for near duplicates at all.")
    threshold: float = Field(
        default=0.7, gt=0, le=1, description="Jaccard similarity of word 5-grams from which two files are copies."
    )
    bands: int = Field(default=18, ge=1, le=128, description="Bands of the signature: more find more pairs.")
    rows: int = Field(default=7, ge=1, le=32, description="Rows per band: more give fewer false candidates.")
    max_candidates: int = Field(
        default=200, ge=1, description="Kept copies that one file is compared with at most; a limit on the worst case."
    )


class CorpusSettings(Settings):
    """Where code comes from and what is dropped before anybody judges its quality."""

    sources: tuple[Annotated[SourceSettings, Role("source")], ...] = Field(
        default_factory=lambda: (selected("source", "python_env", name="python"),),
        min_length=1,
        description="Where documents come from, in order.",
    )
    filters: FilterSettings = Field(default=FilterSettings(), description="When a single file is dropped.")
    near_duplicates: NearDuplicateSettings = Field(
        default=NearDuplicateSettings(), description="When two files are taken for copies of each other."
    )
    heldout_fraction: float = Field(
        default=0.05, ge=0, le=0.5, description="Share of the bytes, in whole packages, that is never trained on."
    )
    unit_bytes: int = Field(
        default=1_500_000, ge=10_000, json_schema_extra=NOT_IN_ID, description="Size of one unit of work [bytes]."
    )

    @model_validator(mode="after")
    def _names_differ(self) -> CorpusSettings:
        names = [source.name for source in self.sources]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two sources are called {name!r}; give each a name of its own")
        return self
