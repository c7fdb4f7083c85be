"""The stage's two kinds of jobs: one model takes the exam, or one model is measured on the texts.

A job computes on one thread, so its output is bit-identical for any number of cores; several models are evaluated in
parallel. A job writes a small table into its folder.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict

from codeprimer.benchmarks.texts import TextRow
from codeprimer.core.documents import BITS_PER_BYTE, BitsRow, Task, schema_of
from codeprimer.core.shards import TableWriter, read_rows


class CompletionRow(TypedDict):
    """A model's completion of a problem's prompt."""

    task_id: str
    completion: str


@dataclass(frozen=True)
class Job:
    """The work for one worker."""

    kind: Literal["answers", "bits"]
    model: str
    """The model's name in the tables."""
    checkpoint: Path
    table: Path
    """The problems to answer, or the texts to measure."""
    new_tokens: int


def work(job: Job, folder: Path) -> None:
    """Do one job; the result is the ``rows`` table in ``folder``."""
    with _one_thread():
        if job.kind == "answers":
            _answer(job, folder)
        else:
            _measure(job, folder)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _answer(job: Job, folder: Path) -> None:
    from codeprimer.benchmarks.completion import complete_prompts
    from codeprimer.model.checkpoint import load
    from codeprimer.model.tokenizer import Tokenizer

    tasks = list(read_rows(job.table, ["task_id", "prompt"], Task))
    (model, _), tokenizer = load(job.checkpoint), Tokenizer.load(job.checkpoint)
    completions = complete_prompts(model, tokenizer, [task["prompt"] for task in tasks], job.new_tokens)
    with TableWriter(folder / "rows", schema_of(CompletionRow)) as table:
        for task, completion in zip(tasks, completions, strict=True):
            table.write(CompletionRow(task_id=task["task_id"], completion=completion))


def _measure(job: Job, folder: Path) -> None:
    from codeprimer.model.checkpoint import load
    from codeprimer.model.tokenizer import Tokenizer
    from codeprimer.model.windows import bits_of

    (model, _), tokenizer = load(job.checkpoint), Tokenizer.load(job.checkpoint)
    rows = list(read_rows(job.table, None, TextRow))
    texts = []
    for row in rows:
        before = [tokenizer.end_of_text, *tokenizer.encode(row["prefix"])]
        texts.append(([*before, *tokenizer.encode(row["text"])], len(before)))
    with TableWriter(folder / "rows", BITS_PER_BYTE) as table:
        for row, bits in zip(rows, bits_of(model, texts), strict=True):
            table.write(
                BitsRow(
                    model=job.model,
                    text_set=row["text_set"],
                    doc_id=row["doc_id"],
                    package=row["package"],
                    bytes=len(row["text"].encode("utf-8", "surrogatepass")),
                    bits=round(bits, 6),
                )
            )
