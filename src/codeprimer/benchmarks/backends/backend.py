"""The contract for a model backend: it only turns questions into completions, so scores depend on the model alone."""

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
    """Maximum answer length [tokens]."""
    temperature: float = 0.0
    """0 means greedy decoding."""
    top_p: float = 0.95
    seed: int = 1


class ModelBackend(Protocol):
    """Answers questions."""

    @property
    def gives_answers(self) -> bool:
        """Whether completions are already answers; otherwise, the benchmark cuts them."""
        ...

    def completions(self, questions: Sequence[Question], options: SamplingOptions) -> Iterator[list[str]]:
        """Yield the completions of each question, in order."""
        ...

    def too_long(self, questions: Sequence[Question]) -> int:
        """Return the number of prompts that get no answer because they fill the model's context."""
        ...

    def facts(self) -> dict[str, Any]:
        """Return how the answers are produced, for ``scores.json``."""
        ...
