"""The recipe's ``contamination`` section."""

from __future__ import annotations

from pydantic import Field

from codeprimer.analysis.ngrams import LONGEST
from codeprimer.analysis.prose import GRAM_WORDS, SHORTEST_PROSE
from codeprimer.core.settings import Settings


class ContaminationSettings(Settings):
    """Which documents are treated as repeating a problem."""

    gram_words: int = Field(
        default=GRAM_WORDS,
        ge=2,
        le=LONGEST,
        description="A document that has this many consecutive words in common with a problem's prose is removed.",
    )
    shortest_prose: int = Field(
        default=SHORTEST_PROSE,
        ge=2,
        description="Prose shorter than `gram_words` is compared as a whole if it has at least this many words; shorter prose "
        "is not compared.",
    )
    min_nodes: int = Field(
        default=15,
        ge=1,
        description="Functions with fewer syntax-tree nodes are not compared, because small trees can be equal by chance.",
    )
