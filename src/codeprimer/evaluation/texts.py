"""The texts that are measured in bits per byte.

Reads the kept held-out documents and the benchmarks, writes one small table. One idea: the texts are chosen once, so
that every model is measured on the same bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from codeprimer.core.artifact import Artifact
from codeprimer.core.seeds import derive_seed
from codeprimer.core.shards import Row
from codeprimer.evaluation.settings import EvaluationSettings

TEXTS = pa.schema(
    [
        ("text_set", pa.string()),
        ("doc_id", pa.string()),
        ("package", pa.string()),
        ("prefix", pa.string()),  # read first, not scored
        ("text", pa.string()),
        ("cut", pa.bool_()),  # whether the document goes on
    ]
)

HELDOUT, SOLUTIONS = "heldout", "humaneval-solutions"


def choose_texts(inputs: Mapping[str, Artifact], settings: EvaluationSettings, seed: int) -> Iterator[Row]:
    """Yield the texts of both sets."""
    yield from _heldout(inputs["quality"], settings, seed)
    yield from _solutions(inputs["exam"])


def _heldout(quality: Artifact, settings: EvaluationSettings, seed: int) -> Iterator[Row]:
    """Yield kept documents of packages that are never trained on, of every package in turn, until the bytes are enough."""
    chosen = _chosen_ids(quality, settings, seed)
    for row in quality.rows("kept", ["doc_id", "package", "split", "text"]):
        if row["doc_id"] in chosen:
            text = _head(row["text"], settings.document_bytes)
            cut = len(text) < len(row["text"])
            known = {"text_set": HELDOUT, "doc_id": row["doc_id"], "package": row["package"]}
            yield known | {"prefix": "", "text": text, "cut": cut}


def _chosen_ids(quality: Artifact, settings: EvaluationSettings, seed: int) -> frozenset[str]:
    """Return the first documents of every package, then the second ones, and so on: no package decides alone."""
    most = settings.document_bytes
    drawn = sorted(
        (derive_seed(seed, HELDOUT, row["doc_id"]), row["doc_id"], row["package"], _size(_head(row["text"], most)))
        for row in quality.rows("kept", ["doc_id", "package", "split", "text"])
        if row["split"] == "heldout"
    )
    before: Counter[str] = Counter()
    ranked = []
    for number, doc_id, package, size in drawn:
        ranked.append((before[package], number, doc_id, size))
        before[package] += 1
    chosen, room = [], settings.heldout_bytes
    for _, _, doc_id, size in sorted(ranked):
        if room <= 0:
            break
        chosen.append(doc_id)
        room -= size
    return frozenset(chosen)


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _head(text: str, size: int) -> str:
    """Return the whole lines of a text that fit ``size`` bytes, or as much of its first line as does."""
    content = text.encode("utf-8", "surrogatepass")
    if len(content) <= size:
        return text
    head = content[:size].decode("utf-8", "ignore")
    return head[: head.rfind("\n") + 1] or head


def _solutions(exam: Artifact) -> Iterator[Row]:
    """Yield HumanEval's canonical solutions, each after its prompt, where the exam holds that benchmark."""
    if not (exam.path / "benchmarks").is_dir():
        return
    for row in exam.rows("benchmarks", ["task_id", "prompt", "solution"]):
        if row["task_id"].startswith("HumanEval/"):
            prefix = row["prompt"].rstrip()
            text = row["prompt"][len(prefix) :] + row["solution"]
            known = {"text_set": SOLUTIONS, "doc_id": row["task_id"], "package": row["task_id"]}
            yield known | {"prefix": prefix, "text": text, "cut": False}


def text_facts(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Return how much text a set holds."""
    return {
        "documents": len(rows),
        "packages": len({row["package"] for row in rows}),
        "bytes": sum(_size(row["text"]) for row in rows),
        "cut": sum(row["cut"] for row in rows),
    }
