"""The texts that are measured in bits per byte.

Reads the kept held-out documents and the benchmarks, writes one small table. One idea: the texts are chosen once, so
that every model is measured on the same bytes, and none of them is among those that were looked at while a model trained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from codeprimer.core.artifact import Artifact
from codeprimer.core.seeds import derive_seed
from codeprimer.core.shards import Row

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

WATCHED_BYTES = 48_000
"""Held-out code that is looked at while a model trains [bytes]."""

WATCHED_DOCUMENT_BYTES = 2_048
"""No more of one document than that [bytes], so that many documents count."""


def choose_texts(inputs: Mapping[str, Artifact], heldout_bytes: int, document_bytes: int, seed: int) -> Iterator[Row]:
    """Yield the texts of both sets: so many bytes of held-out code, at most ``document_bytes`` of each document."""
    watched = watched_ids(inputs["quality"], seed) if was_watched(inputs) else frozenset()
    yield from _heldout(inputs["quality"], heldout_bytes, document_bytes, seed, watched)
    yield from _solutions(inputs["exam"])


def watched_texts(quality: Artifact, seed: int) -> list[str]:
    """Return the beginnings of the held-out documents that are looked at while a model trains; none where there are none."""
    chosen = watched_ids(quality, seed)
    rows = quality.rows("kept", ["doc_id", "text"])
    return [_head(row["text"], WATCHED_DOCUMENT_BYTES) for row in rows if row["doc_id"] in chosen]


def watched_ids(quality: Artifact, seed: int) -> frozenset[str]:
    """Return which documents these are: of every package in turn, and no more than half of all, or the only one."""
    ranked = _ranked(quality, WATCHED_DOCUMENT_BYTES, seed, "watched")
    return _first(ranked[: max(1, len(ranked) // 2)], WATCHED_BYTES)


def was_watched(inputs: Mapping[str, Artifact]) -> bool:
    """Tell whether a model was trained while somebody looked at held-out code, and may have been chosen by it."""
    return any(artifact.manifest.get("settings", {}).get("heldout_every") for artifact in inputs.values())


def _heldout(
    quality: Artifact, heldout_bytes: int, document_bytes: int, seed: int, but: frozenset[str]
) -> Iterator[Row]:
    """Yield kept documents of packages that are never trained on, of every package in turn, until the bytes are enough."""
    ranked = _ranked(quality, document_bytes, seed, HELDOUT, but)
    chosen = _first(ranked, heldout_bytes)
    for row in quality.rows("kept", ["doc_id", "package", "split", "text"]):
        if row["doc_id"] in chosen:
            text = _head(row["text"], document_bytes)
            cut = len(text) < len(row["text"])
            known = {"text_set": HELDOUT, "doc_id": row["doc_id"], "package": row["package"]}
            yield known | {"prefix": "", "text": text, "cut": cut}


def _ranked(
    quality: Artifact, most: int, seed: int, purpose: str, but: frozenset[str] = frozenset()
) -> list[tuple[str, int]]:
    """Return the held-out documents with their sizes: the first of every package, then the second ones, and so on.

    So no package decides alone. ``most`` [bytes] of a document count; those in ``but`` are left out.
    """
    drawn = sorted(
        (derive_seed(seed, purpose, row["doc_id"]), row["doc_id"], row["package"], _size(_head(row["text"], most)))
        for row in quality.rows("kept", ["doc_id", "package", "split", "text"])
        if row["split"] == "heldout" and row["doc_id"] not in but
    )
    before: Counter[str] = Counter()
    ranked = []
    for number, doc_id, package, size in drawn:
        ranked.append((before[package], number, doc_id, size))
        before[package] += 1
    return [(doc_id, size) for _, _, doc_id, size in sorted(ranked)]


def _first(ranked: list[tuple[str, int]], room: int) -> frozenset[str]:
    """Return the first documents, until the bytes are enough."""
    chosen = []
    for doc_id, size in ranked:
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
