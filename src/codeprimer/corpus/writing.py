"""The last pass: from the ledger to the three tables, row by row, counting as it goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from codeprimer.core.artifact import Workspace
from codeprimer.core.documents import CORPUS_DROPPED, DOCUMENTS, DUPLICATES
from codeprimer.core.shards import Row, TableWriter, read_rows
from codeprimer.corpus.filters import Reason, Refusal
from codeprimer.corpus.ledger import Census, Ledger
from codeprimer.corpus.tally import Tally


def write_tables(ledger: Ledger, census: Census, heldout: set[str], out: Workspace) -> Tally:
    """Write ``documents``, ``duplicates`` and ``dropped``; return what was counted."""
    tally = Tally()
    with (
        out.table("documents", DOCUMENTS) as documents,
        out.table("duplicates", DUPLICATES) as duplicates,
        out.table("dropped", CORPUS_DROPPED) as dropped,
    ):
        for number, row in ledger.rows():
            fate = _fate(number, ledger, census)
            if fate is None:
                document = _document(row, census.origins.get(number), heldout)
                documents.write(document)
                tally.keep(document)
                continue
            if (pair := _pair(number, row, fate, ledger)) is not None:
                duplicates.write(pair)
                tally.pair(pair)
            _drop(row, fate, dropped, tally)
        for row in _dropped_while_reading(ledger.folders):
            dropped.write(row)
            tally.drop(row)
    return tally


def _fate(number: int, ledger: Ledger, census: Census) -> Refusal | None:
    """Return why a row is dropped, or None for one that is kept."""
    same = int(ledger.same_as[number])
    if same != number:
        return Refusal(Reason.EXACT_DUPLICATE, f"same text as {census.names[same]}")
    if (refusal := ledger.refused.get(number)) is not None:
        return refusal
    if (kept := ledger.near.kept.get(number)) is not None:
        return Refusal(Reason.NEAR_DUPLICATE, f"{ledger.near.similarity[number]:.2f} like {census.names[kept]}")
    return None


def _document(row: Row, origins: list[str] | None, heldout: set[str]) -> Row:
    split = "heldout" if row["package"] in heldout else "train"
    return {**row, "origins": origins or [f"{row['source']}:{row['path']}"], "split": split}


def _pair(number: int, row: Row, fate: Refusal, ledger: Ledger) -> Row | None:
    if fate.reason == Reason.EXACT_DUPLICATE:
        kept, kind, similarity = int(ledger.same_as[number]), "exact", 1.0
    elif fate.reason == Reason.NEAR_DUPLICATE:
        kept, kind, similarity = ledger.near.kept[number], "near", ledger.near.similarity[number]
    else:
        return None
    return {
        "doc_id": row["doc_id"],
        "kept_doc_id": ledger.document_id(kept),
        "kind": kind,
        "similarity": similarity,
        "source": row["source"],
        "path": row["path"],
    }


def _drop(row: Row, fate: Refusal, dropped: TableWriter, tally: Tally) -> None:
    # The text of an exact copy is in the tables already, under the same id.
    text = None if fate.reason == Reason.EXACT_DUPLICATE else row["text"]
    kept_columns = {name: row[name] for name in ("doc_id", "source", "package", "path")}
    dropped_row = {**kept_columns, "reason": fate.reason.value, "detail": fate.detail, "text": text}
    dropped.write(dropped_row)
    tally.drop(dropped_row)


def _dropped_while_reading(folders: list[Path]) -> Iterator[Row]:
    for folder in folders:
        yield from read_rows(folder / "dropped")
