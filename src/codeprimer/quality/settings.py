"""What a recipe says about quality."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from pydantic import Field

from codeprimer.core.plugins import PluginSettings, Role, selected
from codeprimer.core.settings import Settings


class ScorerSettings(Settings):
    """The cheap model that judges all documents after the sample."""

    bucket_bits: int = Field(default=14, ge=8, le=20, description="Words and pairs are hashed into 2**bits buckets.")
    components: int = Field(default=48, ge=2, le=512, description="Dimensions that the hashed counts are reduced to.")
    trees: int = Field(default=200, ge=10, le=2000, description="Trees of the forest.")
    min_leaf: int = Field(default=3, ge=1, description="Fewest sample documents in a leaf.")


class QualitySettings(Settings):
    """Which documents are worth learning from."""

    annotator: Annotated[PluginSettings, Role("annotator")] = Field(
        default_factory=partial(selected, "annotator", "rubric"),
        description="Who labels the sample: rubric (rules), endpoint (the section teacher), human (a file of labels), or a "
        "plug-in.",
    )
    sample: int = Field(default=2000, ge=10, description="How many documents are judged [documents].")
    label_points: float = Field(
        default=2.75, gt=0, le=5, description="Points, of 0-5, from which a judged document counts as good."
    )
    keep_fraction: float = Field(
        default=0.25, gt=0, le=1, description="Share of the training bytes to keep; the threshold follows from it."
    )
    scorer: ScorerSettings = Field(default=ScorerSettings(), description="The model that judges all documents.")
