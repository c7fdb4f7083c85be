"""The first pass: reads a chunk, applies the filters that need no syntax tree, and stores the passing files for the parser.

Each unit's folder holds ``clean`` (rows for the parser), ``dropped``, and ``keys.npy``. For each clean row, the keys
hold the document's id, the rank of its licence and its size, which is all that is needed to find exact duplicates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codeprimer.core.documents import CORPUS_DROPPED, DOCUMENTS, Document, DroppedFile, document_id
from codeprimer.core.plugins import PluginSettings, load, reporting
from codeprimer.core.shards import TableWriter
from codeprimer.corpus.decoding import decode
from codeprimer.corpus.filter import File, Filter, first_drop, make_filters
from codeprimer.corpus.licenses import license_of_header, license_rank
from codeprimer.corpus.reasons import EMPTY, Drop
from codeprimer.corpus.sources.base import Chunk, RawDocument, SourceSettings

KEYS = np.dtype([("id", "u8", (4,)), ("rank", "u1"), ("bytes", "u4")])
"""The key of a text: its SHA-256, its ``license_rank`` and its size in UTF-8 [bytes]."""


@dataclass(frozen=True)
class ReadUnit:
    """A chunk to read, the settings of its source, and the criteria for dropping files."""

    source: SourceSettings
    chunk: Chunk
    max_bytes: int
    filters: tuple[PluginSettings, ...]


def read_unit(unit: ReadUnit, folder: Path) -> None:
    """Read one chunk into ``folder``."""
    filters = make_filters(unit.filters, needs_tree=False)
    source = unit.source.name
    keys = []
    with TableWriter(folder / "clean", DOCUMENTS) as clean, TableWriter(folder / "dropped", CORPUS_DROPPED) as dropped:
        for raw in _documents(unit):
            text = decode(raw.content, unit.max_bytes)
            if isinstance(text, Drop):
                dropped.write(_dropped(source, raw, text, None))
                continue
            file = File(text, raw.path, raw.package, license_of_header(text) or raw.license)
            if (drop := check_text(file, filters)) is not None:
                dropped.write(_dropped(source, raw, drop, text))
                continue
            clean.write(row := _row(source, file))
            keys.append(_key(row))
    np.save(folder / "keys.npy", np.array(keys, dtype=KEYS))


def _documents(unit: ReadUnit) -> Iterator[RawDocument]:
    """Yield a chunk's documents; if the chunk raises an exception, the error names the source's plug-in."""
    with reporting(unit.source.kind, load("source", unit.source.kind)):
        yield from unit.chunk.documents(unit.max_bytes)


def check_text(file: File, filters: Sequence[Filter]) -> Drop | None:
    """Return why a text is dropped before parsing, or None if it is not."""
    if not file.text.strip():
        return Drop(EMPTY, "white space alone")
    return first_drop(file, filters)


def _row(source: str, file: File) -> Document:
    """Return the document; the last pass adds its split and the origins of its duplicates."""
    return {
        "doc_id": document_id(file.text),
        "parent_id": None,
        "text": file.text,
        "source": source,
        "package": file.package,
        "path": file.path,
        "license": file.license,
        "origins": [f"{source}:{file.path}"],
        "split": "train",
    }


def _dropped(source: str, raw: RawDocument, drop: Drop, text: str | None) -> DroppedFile:
    return {
        "doc_id": None if text is None else document_id(text),
        "source": source,
        "package": raw.package,
        "path": raw.path,
        "reason": drop.reason,
        "detail": drop.detail,
        "text": text,
    }


def _key(row: Document) -> tuple[np.ndarray[tuple[int], np.dtype[np.uint64]], int, int]:
    digest = np.frombuffer(bytes.fromhex(row["doc_id"]), dtype=">u8")
    return digest, license_rank(row["license"]), len(row["text"].encode())
