"""The recipe's ``corpus`` section."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, model_validator

from codeprimer.core.plugins import PluginSettings, Role, selected
from codeprimer.core.settings import NOT_IN_ID, Settings
from codeprimer.corpus.filter import refuse_unusable
from codeprimer.corpus.sources.base import SourceSettings

FILTERS = ("tests", "generated", "minified", "data_only")
"""The filters that are used if the recipe does not name any."""


class NearDuplicateSettings(Settings):
    """Which files are treated as near-duplicates."""

    enabled: bool = Field(default=True, description="Remove near-duplicates.")
    threshold: float = Field(
        default=0.7, gt=0, le=1, description="Minimum Jaccard similarity of the word 5-grams of near-duplicates (0-1)."
    )
    bands: int = Field(default=18, ge=1, le=128, description="Bands per signature; more bands find more pairs.")
    rows: int = Field(default=7, ge=1, le=32, description="Rows per band; more rows give fewer false candidates.")
    max_candidates: int = Field(
        default=200,
        ge=1,
        description="Maximum number of kept documents with which one file is compared; limits the worst case.",
    )


class CorpusSettings(Settings):
    """Where the code comes from, and which files are dropped before their quality is judged."""

    sources: tuple[Annotated[SourceSettings, Role("source")], ...] = Field(
        default_factory=lambda: (selected("source", "python_env", name="python"),),
        min_length=1,
        description="Where documents come from, in order.",
    )
    max_bytes: int = Field(default=1_000_000, ge=1_000, description="Maximum size of a file [bytes].")
    filters: tuple[Annotated[PluginSettings, Role("filter")], ...] = Field(
        default_factory=lambda: tuple(selected("filter", kind) for kind in FILTERS),
        description="Filters, in order; a file is dropped by the first filter that rejects it.",
    )
    near_duplicates: NearDuplicateSettings = Field(
        default=NearDuplicateSettings(), description="Which files are treated as near-duplicates."
    )
    heldout_fraction: float = Field(
        default=0.05, ge=0, le=0.5, description="Fraction of the bytes (0-0.5) that is held out, in whole packages."
    )
    unit_bytes: int = Field(
        default=1_500_000,
        ge=10_000,
        json_schema_extra=NOT_IN_ID,
        description="Approximate size of a unit of work [bytes].",
    )

    @model_validator(mode="after")
    def _check(self) -> CorpusSettings:
        for name in _repeated(source.name for source in self.sources):
            raise ValueError(f"two sources are called {name!r}; give each a different name")
        for kind in _repeated(settings.kind for settings in self.filters):
            raise ValueError(f"filter {kind!r} is listed twice; keep one")
        refuse_unusable(self.filters)
        return self


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
