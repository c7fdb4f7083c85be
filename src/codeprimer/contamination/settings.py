"""The settings of the contamination stage: what counts as the same."""

from __future__ import annotations

from pydantic import Field

from codeprimer.analysis.ngrams import LONGEST
from codeprimer.analysis.prose import GRAM_WORDS, SHORTEST_PROSE
from codeprimer.core.settings import Settings


class ContaminationSettings(Settings):
    """When a document repeats a problem."""

    gram_words: int = Field(
        default=GRAM_WORDS,
        ge=2,
        le=LONGEST,
        description="Words in a row that a document and a problem's prose may not share.",
    )
    shortest_prose: int = Field(
        default=SHORTEST_PROSE,
        ge=2,
        description="Prose shorter than gram_words is compared as a whole if it has this many words; else it is not.",
    )
    min_nodes: int = Field(
        default=15,
        ge=1,
        description="Functions with fewer syntax-tree nodes are not compared: short trees are alike by chance.",
    )
