"""Inputs for the tokens stage's tests, made of real code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pyarrow as pa

from codeprimer.core.artifact import Artifact
from codeprimer.core.documents import TASKS, TRAINING_TEXTS, document_id

Rows = Iterable[Mapping[str, Any]]
Publish = Callable[[str, Mapping[str, tuple[pa.Schema, Rows]]], Artifact]


def texts(documents: Iterable[str]) -> tuple[pa.Schema, Rows]:
    return TRAINING_TEXTS, [{"doc_id": document_id(text), "text": text, "prompt_bytes": 0} for text in documents]


def tasks(kind: str, count: int, solution: str = "    return sum(values)\n") -> tuple[pa.Schema, Rows]:
    return TASKS, [
        {"task_id": f"{kind}/{n:04d}", "prompt": f'def add_{n}(values):\n    """Add."""\n', "solution": solution}
        for n in range(count)
    ]


EXERCISES = [
    f'def keep_{word}(values: list[int]) -> list[int]:\n    """Return the values above {n}."""\n'
    f"    return [value for value in values if value > {n}]\n"
    for n in range(40)
    for word in ("large", "good", "new")
]
