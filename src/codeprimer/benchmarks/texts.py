"""The texts on which bits per byte are measured.

They are chosen once, so that every model is measured on the same bytes. Texts measured during training are excluded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TypedDict

from codeprimer.core.artifact import Artifact
from codeprimer.core.documents import KeptDocument, Task, schema_of
from codeprimer.core.seeds import derive_seed


class TextRow(TypedDict):
    """A text to measure."""

    text_set: str
    doc_id: str
    package: str
    prefix: str  # read first, not scored
    text: str
    cut: bool  # whether the text is only the beginning of its document


TEXTS = schema_of(TextRow)

HELDOUT, SOLUTIONS = "heldout", "humaneval-solutions"

WATCHED_BYTES = 48_000
"""Amount of held-out code that is measured while a model trains [bytes]."""

WATCHED_DOCUMENT_BYTES = 2_048
"""Maximum amount of each of these documents that is measured, so that many documents are included [bytes]."""


def choose_texts(
    inputs: Mapping[str, Artifact], heldout_bytes: int, document_bytes: int, seed: int
) -> Iterator[TextRow]:
    """Yield ``heldout_bytes`` of held-out code, at most ``document_bytes`` per document, then HumanEval's solutions [bytes]."""
    watched = watched_ids(inputs["quality"], seed) if was_watched(inputs) else frozenset()
    yield from _heldout(inputs["quality"], heldout_bytes, document_bytes, seed, watched)
    yield from _solutions(inputs["exam"])


def watched_texts(quality: Artifact, seed: int) -> list[str]:
    """Return the beginnings of the held-out documents that are measured while a model trains."""
    chosen = watched_ids(quality, seed)
    rows = quality.rows("kept", ["doc_id", "text"], KeptDocument)
    return [_head(row["text"], WATCHED_DOCUMENT_BYTES) for row in rows if row["doc_id"] in chosen]


def watched_ids(quality: Artifact, seed: int) -> frozenset[str]:
    """Return the ids of the documents in ``watched_texts``: from every package in turn, at most half of all, at least one."""
    ranked = _ranked(quality, WATCHED_DOCUMENT_BYTES, seed, "watched")
    return _first(ranked[: max(1, len(ranked) // 2)], WATCHED_BYTES)


def was_watched(inputs: Mapping[str, Artifact]) -> bool:
    """Return whether held-out code was measured during training, and so may have been used to select a checkpoint."""
    return any(artifact.manifest.get("settings", {}).get("heldout_every") for artifact in inputs.values())


def _heldout(
    quality: Artifact, heldout_bytes: int, document_bytes: int, seed: int, but: frozenset[str]
) -> Iterator[TextRow]:
    """Yield kept documents from packages that are never trained on, up to ``heldout_bytes``, from every package in turn."""
    ranked = _ranked(quality, document_bytes, seed, HELDOUT, but)
    chosen = _first(ranked, heldout_bytes)
    for row in quality.rows("kept", ["doc_id", "package", "split", "text"], KeptDocument):
        if row["doc_id"] in chosen:
            text = _head(row["text"], document_bytes)
            cut = len(text) < len(row["text"])
            yield TextRow(text_set=HELDOUT, doc_id=row["doc_id"], package=row["package"], prefix="", text=text, cut=cut)


def _ranked(
    quality: Artifact, most: int, seed: int, purpose: str, but: frozenset[str] = frozenset()
) -> list[tuple[str, int]]:
    """Return the held-out documents with their sizes: each package's first document, then each package's second, and so on.

    So no package dominates. Sizes are capped at ``most`` bytes; documents in ``but`` are excluded.
    """
    drawn = sorted(
        (derive_seed(seed, purpose, row["doc_id"]), row["doc_id"], row["package"], _size(_head(row["text"], most)))
        for row in quality.rows("kept", ["doc_id", "package", "split", "text"], KeptDocument)
        if row["split"] == "heldout" and row["doc_id"] not in but
    )
    before: Counter[str] = Counter()
    ranked = []
    for number, doc_id, package, size in drawn:
        ranked.append((before[package], number, doc_id, size))
        before[package] += 1
    return [(doc_id, size) for _, _, doc_id, size in sorted(ranked)]


def _first(ranked: list[tuple[str, int]], room: int) -> frozenset[str]:
    """Return the ids of the first documents that fill ``room`` [bytes]."""
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
    """Return the whole lines of a text that fit into ``size`` bytes, or the part of the first line that fits."""
    content = text.encode("utf-8", "surrogatepass")
    if len(content) <= size:
        return text
    head = content[:size].decode("utf-8", "ignore")
    return head[: head.rfind("\n") + 1] or head


def _solutions(exam: Artifact) -> Iterator[TextRow]:
    """Yield HumanEval's canonical solutions, each after its prompt, if the exam includes that benchmark."""
    if not (exam.path / "benchmarks").is_dir():
        return
    for row in exam.rows("benchmarks", ["task_id", "prompt", "solution"], Task):
        if row["task_id"].startswith("HumanEval/"):
            prefix = row["prompt"].rstrip()
            text = row["prompt"][len(prefix) :] + row["solution"]
            task_id = row["task_id"]
            yield TextRow(text_set=SOLUTIONS, doc_id=task_id, package=task_id, prefix=prefix, text=text, cut=False)


def text_facts(rows: Sequence[TextRow]) -> dict[str, int]:
    """Return counts that describe the size of a set of texts."""
    return {
        "documents": len(rows),
        "packages": len({row["package"] for row in rows}),
        "bytes": sum(_size(row["text"]) for row in rows),
        "cut": sum(row["cut"] for row in rows),
    }
