"""The last pass: writes the three tables row by row, and counts rows at the same time."""

from __future__ import annotations

from codeprimer.core.artifact import Workspace
from codeprimer.core.documents import CORPUS_DROPPED, DOCUMENTS, DUPLICATES, Document, DroppedFile, Duplicate
from codeprimer.core.shards import read_rows
from codeprimer.corpus.decisions import Census, Decisions
from codeprimer.corpus.reasons import EXACT_DUPLICATE, NEAR_DUPLICATE, Drop
from codeprimer.corpus.tally import Tally


def write_tables(decisions: Decisions, census: Census, heldout: set[str], out: Workspace) -> Tally:
    """Write the ``documents``, ``duplicates`` and ``dropped`` tables; return the counts."""
    tally = Tally()
    with (
        out.table("documents", DOCUMENTS) as documents,
        out.table("duplicates", DUPLICATES) as duplicates,
        out.table("dropped", CORPUS_DROPPED) as dropped,
    ):
        for number, row in decisions.rows():
            drop = _drop(number, decisions, census)
            if drop is None:
                documents.write(document := _document(row, census.origins.get(number), heldout))
                tally.keep(document)
                continue
            if (pair := _pair(number, row, drop, decisions)) is not None:
                duplicates.write(pair)
                tally.pair(pair)
            dropped.write(gone := _dropped(row, drop))
            tally.drop(gone)
        for folder in decisions.folders:
            for gone in read_rows(folder / "dropped", None, DroppedFile):
                dropped.write(gone)
                tally.drop(gone)
    return tally


def _drop(number: int, decisions: Decisions, census: Census) -> Drop | None:
    """Return why a row is dropped, or None if it is kept."""
    same = int(decisions.same_as[number])
    if same != number:
        return Drop(EXACT_DUPLICATE, f"same text as {census.names[same]}")
    if (drop := decisions.dropped.get(number)) is not None:
        return drop
    if (kept := decisions.near.kept.get(number)) is not None:
        return Drop(NEAR_DUPLICATE, f"{decisions.near.similarity[number]:.2f} like {census.names[kept]}")
    return None


def _document(row: Document, origins: list[str] | None, heldout: set[str]) -> Document:
    split = "heldout" if row["package"] in heldout else "train"
    return {**row, "origins": origins or row["origins"], "split": split}


def _pair(number: int, row: Document, drop: Drop, decisions: Decisions) -> Duplicate | None:
    if drop.reason == EXACT_DUPLICATE:
        kept, kind, similarity = int(decisions.same_as[number]), "exact", 1.0
    elif drop.reason == NEAR_DUPLICATE:
        kept, kind, similarity = decisions.near.kept[number], "near", decisions.near.similarity[number]
    else:
        return None
    return {
        "doc_id": row["doc_id"],
        "kept_doc_id": decisions.document_id(kept),
        "kind": kind,
        "similarity": similarity,
        "source": row["source"],
        "path": row["path"],
    }


def _dropped(row: Document, drop: Drop) -> DroppedFile:
    return {
        "doc_id": row["doc_id"],
        "source": row["source"],
        "package": row["package"],
        "path": row["path"],
        "reason": drop.reason,
        "detail": drop.detail,
        # The tables already hold the text of an exact duplicate, under the same id.
        "text": None if drop.reason == EXACT_DUPLICATE else row["text"],
    }
