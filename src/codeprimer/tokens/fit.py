"""Check that every problem fits in the context together with its answer.

Reads the exam's tables; writes nothing. Key idea: a problem that cannot be answered within the context must stop the run here
instead of being scored as a wrong answer later.
"""

from __future__ import annotations

from typing import Any

from codeprimer.core.artifact import Artifact
from codeprimer.core.documents import Task
from codeprimer.core.errors import UserError
from codeprimer.model.tokenizer import Tokenizer

_MUST_FIT = ("exam", "validation")
_MAY_FIT = ("benchmarks",)


def check_fit(exam: Artifact, tokenizer: Tokenizer, context: int) -> dict[str, Any]:
    """Return, for each table of problems, how many there are, how many fit, and the length of the longest [tokens].

    Raises UserError if an exam or validation problem does not fit; benchmarks from files are only counted.
    """
    facts = {}
    tables = set(exam.tables())
    for name in (*_MUST_FIT, *_MAY_FIT):
        if name in tables:
            facts[name] = _measure(exam, name, tokenizer, context)
    return facts


def _measure(exam: Artifact, name: str, tokenizer: Tokenizer, context: int) -> dict[str, Any]:
    total = fits = longest = 0
    longest_task = None
    for row in exam.rows(name, ["task_id", "prompt", "solution"], Task):
        length = len(tokenizer.encode(row["prompt"] + row["solution"])) + 1
        total += 1
        fits += length <= context
        if length > longest:
            longest, longest_task = length, row["task_id"]
    if fits < total and name in _MUST_FIT:
        raise UserError(
            f"{total - fits} of {total} {name} problems do not fit in tokens.context = {context} with their answers "
            f"(the longest, {longest_task}, needs {longest} tokens); raise tokens.context and the model's context"
        )
    return {"problems": total, "fit": fits, "longest": longest, "longest_task": longest_task}
