"""The score that chooses among a model's checkpoints: pass@1 on the validation problems, never on the exam.

Reads the exam artefact's table ``validation``. Needs torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from codeprimer.benchmarks.completion import complete_prompts
from codeprimer.benchmarks.grading import NEW_TOKENS, SECONDS, Sample, grade, limits_of
from codeprimer.core.artifact import Artifact
from codeprimer.model.phi import Phi
from codeprimer.model.tokenizer import Tokenizer
from codeprimer.sandbox import Sandbox, Tier


def score_tasks(
    model: Phi,
    tokenizer: Tokenizer,
    tasks: Sequence[Mapping[str, Any]],
    sandbox: Sandbox,
    new_tokens: int = NEW_TOKENS,
    seconds: float = SECONDS,
) -> list[Sample]:
    """Return a model's graded greedy answers to problems (rows of ``TASKS``), in order."""
    completions = complete_prompts(model, tokenizer, [task["prompt"] for task in tasks], new_tokens)
    return grade(tasks, completions, sandbox, limits_of(seconds))


def validation_score(tier: Tier, model: Phi, tokenizer: Tokenizer, exam: Artifact) -> float:
    """Return the share of the exam artefact's validation problems that a model solves greedily."""
    tasks = list(exam.rows("validation"))
    with Sandbox(tier=tier, trust_tests=True) as sandbox:
        samples = score_tasks(model, tokenizer, tasks, sandbox)
    return sum(sample.passed for sample in samples) / len(samples)
