"""The first unit of work: read a chunk, decide what needs no syntax tree, write the rest down for the parser.

Each unit's folder holds ``clean`` (rows for the parser), ``dropped`` and ``keys.npy``: per clean row the document's id,
the rank of its licence and its size, which is all that finding exact copies needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codeprimer.core.documents import CORPUS_DROPPED, DOCUMENTS, document_id
from codeprimer.core.plugins import relayed
from codeprimer.core.shards import Row, TableWriter
from codeprimer.corpus.filters import Refusal, decode, judge_text
from codeprimer.corpus.licenses import license_of_header, license_rank
from codeprimer.corpus.settings import FilterSettings
from codeprimer.corpus.sources.base import Chunk, RawDocument, SourceSettings

KEYS = np.dtype([("id", "u8", (4,)), ("rank", "u1"), ("bytes", "u4")])
"""What is remembered of every text: its SHA-256, ``license_rank``, its size in UTF-8 [bytes]."""


@dataclass(frozen=True)
class ReadUnit:
    """A chunk to read, the settings of its source, and what to drop."""

    source: SourceSettings
    chunk: Chunk
    filters: FilterSettings


def read_unit(unit: ReadUnit, folder: Path) -> None:
    """Read one chunk into ``folder``."""
    keys = []
    with TableWriter(folder / "clean", DOCUMENTS) as clean, TableWriter(folder / "dropped", CORPUS_DROPPED) as dropped:
        for document in relayed(unit.source, unit.chunk.documents(unit.filters.max_bytes)):
            row, refusal = _judge(document, unit)
            if refusal is not None:
                dropped.write({**row, "reason": refusal.reason, "detail": refusal.detail})
                continue
            clean.write(row)
            keys.append(_key(row))
    np.save(folder / "keys.npy", np.array(keys, dtype=KEYS))


def _judge(document: RawDocument, unit: ReadUnit) -> tuple[Row, Refusal | None]:
    row: Row = {"source": unit.source.name, "package": document.package, "path": document.path}
    text = decode(document.content, unit.filters)
    if isinstance(text, Refusal):
        return row, text
    spdx = license_of_header(text) or document.license
    refusal = judge_text(text, document.path, spdx, unit.filters)
    row |= {"doc_id": document_id(text), "text": text}
    return (row | {"license": spdx}, None) if refusal is None else (row, refusal)


def _key(row: Row) -> tuple[np.ndarray[tuple[int], np.dtype[np.uint64]], int, int]:
    digest = np.frombuffer(bytes.fromhex(row["doc_id"]), dtype=">u8")
    return digest, license_rank(row["license"]), len(row["text"].encode())
