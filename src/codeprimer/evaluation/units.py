"""The stage's two kinds of work: one model answers the exam, one model is measured on the texts.

Reads a checkpoint, writes a small table into the unit's folder. One idea: a unit computes on one thread, so its bytes
do not depend on the number of cores, and several models are examined at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa

from codeprimer.core.documents import BITS_PER_BYTE
from codeprimer.core.shards import TableWriter, read_rows

COMPLETIONS = pa.schema([("task_id", pa.string()), ("completion", pa.string())])


@dataclass(frozen=True)
class Unit:
    """One piece of work."""

    kind: Literal["answers", "bits"]
    model: str
    """The model's name in the tables."""
    checkpoint: Path
    table: Path
    """The problems to answer, or the texts to measure."""
    new_tokens: int


def work(unit: Unit, folder: Path) -> None:
    """Do one unit; the result is the table ``rows`` in ``folder``."""
    with _one_thread():
        if unit.kind == "answers":
            _answer(unit, folder)
        else:
            _measure(unit, folder)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _answer(unit: Unit, folder: Path) -> None:
    from codeprimer.benchmarks.completion import complete_prompts
    from codeprimer.model.checkpoint import load
    from codeprimer.model.tokenizer import Tokenizer

    tasks = list(read_rows(unit.table, ["task_id", "prompt"]))
    (model, _), tokenizer = load(unit.checkpoint), Tokenizer.load(unit.checkpoint)
    completions = complete_prompts(model, tokenizer, [task["prompt"] for task in tasks], unit.new_tokens)
    with TableWriter(folder / "rows", COMPLETIONS) as table:
        for task, completion in zip(tasks, completions, strict=True):
            table.write({"task_id": task["task_id"], "completion": completion})


def _measure(unit: Unit, folder: Path) -> None:
    from codeprimer.model.checkpoint import load
    from codeprimer.model.tokenizer import Tokenizer
    from codeprimer.model.windows import bits_of

    (model, _), tokenizer = load(unit.checkpoint), Tokenizer.load(unit.checkpoint)
    rows = list(read_rows(unit.table))
    texts = []
    for row in rows:
        before = [tokenizer.end_of_text, *tokenizer.encode(row["prefix"])]
        texts.append(([*before, *tokenizer.encode(row["text"])], len(before)))
    with TableWriter(folder / "rows", BITS_PER_BYTE) as table:
        for row, bits in zip(rows, bits_of(model, texts), strict=True):
            size = len(row["text"].encode("utf-8", "surrogatepass"))
            table.write(
                {
                    "model": unit.model,
                    "text_set": row["text_set"],
                    "doc_id": row["doc_id"],
                    "package": row["package"],
                    "bytes": size,
                    "bits": round(bits, 6),
                }
            )
