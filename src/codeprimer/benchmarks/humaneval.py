"""HumanEval, as it is distributed (Chen et al., 2021): a model completes a signature with a docstring."""

from __future__ import annotations

from codeprimer.benchmarks.jsonl import JsonlBenchmark
from codeprimer.core.plugins import PluginSettings


class HumanEvalBenchmark(JsonlBenchmark):
    """HumanEval in the folder that CODEPRIMER_BENCHMARKS names."""

    Settings = PluginSettings
    files = ("HumanEval.jsonl.gz", "HumanEval.jsonl")
    address = "https://github.com/openai/human-eval, data/HumanEval.jsonl.gz"

    @property
    def trusted_tests(self) -> bool:
        """True: HumanEval's tests are harmless."""
        return True
