"""The contract of a model backend: questions in, completions out, so that a score depends on the model alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from codeprimer.benchmarks.benchmark import Question


@dataclass(frozen=True)
class SamplingOptions:
    """How answers are sampled."""

    samples: int = 1
    """Answers per question."""
    new_tokens: int = 512
    """Limit of an answer [tokens]."""
    temperature: float = 0.0
    """0: greedy."""
    top_p: float = 0.95
    seed: int = 1


class ModelBackend(Protocol):
    """Answers questions."""

    @property
    def gives_answers(self) -> bool:
        """Whether its texts are answers already; otherwise the benchmark cuts them."""
        ...

    def completions(self, questions: Sequence[Question], options: SamplingOptions) -> Iterator[list[str]]:
        """Yield the completions of each question, in order."""
        ...

    def too_long(self, questions: Sequence[Question]) -> int:
        """Return how many prompts fill the model's context, so that they get no answer."""
        ...

    def facts(self) -> dict[str, Any]:
        """Return how the answers are made, for ``scores.json``."""
        ...
