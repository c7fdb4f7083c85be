"""The recipe's ``quality`` section."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from pydantic import Field

from codeprimer.core.plugins import PluginSettings, Role, selected
from codeprimer.core.settings import Settings


class QualitySettings(Settings):
    """How documents that are worth learning from are selected."""

    annotator: Annotated[PluginSettings, Role("annotator", "rubric")] = Field(
        default_factory=partial(selected, "annotator", "rubric"),
        description="Labels the sample: `rubric` (rules), `endpoint` (the model in the `teacher` section), `human` (a labels "
        "file), or a plug-in.",
    )
    sample: int = Field(default=2000, ge=10, description="Number of documents to label.")
    label_points: float = Field(
        default=2.75, gt=0, le=5, description="Minimum points (0-5) for a labelled document to be treated as good."
    )
    embedder: Annotated[PluginSettings, Role("embedder", "hashing")] = Field(
        default_factory=partial(selected, "embedder", "hashing"),
        description="Turns texts into the vectors that the scorer reads: `hashing` (word counts), or a plug-in.",
    )
    scorer: Annotated[PluginSettings, Role("scorer", "forest")] = Field(
        default_factory=partial(selected, "scorer", "forest"),
        description="Learns from the labels and scores all documents: `forest` (a random forest), or a plug-in.",
    )
    keep_fraction: float = Field(
        default=0.25, gt=0, le=1, description="Fraction of the training bytes to keep; it sets the threshold."
    )
