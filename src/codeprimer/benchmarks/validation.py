"""The score that selects among a model's checkpoints: pass@1 on the validation problems, never on the exam.

Needs torch.
"""

from __future__ import annotations

from functools import partial

from codeprimer.benchmarks.completion import complete_prompts
from codeprimer.benchmarks.exam import NEW_TOKENS, ExamBenchmark
from codeprimer.benchmarks.execution import ExecutionGrader, ExecutionSettings
from codeprimer.benchmarks.grading import grade
from codeprimer.core.artifact import Artifact
from codeprimer.model.phi import Phi
from codeprimer.model.tokenizer import Tokenizer
from codeprimer.sandbox import Sandbox, Tier


def validation_score(tier: Tier, model: Phi, tokenizer: Tokenizer, exam: Artifact) -> float:
    """Return the fraction of the exam artefact's validation problems that a model solves greedily."""
    benchmark = ExamBenchmark.of(exam, "validation")
    tasks = list(benchmark.tasks())
    completions = complete_prompts(model, tokenizer, [benchmark.prompt(task) for task in tasks], NEW_TOKENS)
    settings = ExecutionSettings(kind="tests")
    with ExecutionGrader(settings, sandbox=partial(Sandbox, tier=tier)) as grader:
        samples = grade(benchmark, grader, zip(tasks, completions, strict=True))
    return sum(sample.passed for sample in samples) / len(samples)
