"""Traces a document: every row about it, in all tables of a run.

A document is found by its ``doc_id``, by the id of the copy that was kept in its place, by the document it was made
from, and by its path. Rows are in the order of the flow, so a trace leads from the document's source to the models that
were trained on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.markup import escape

from codeprimer.core.artifact import open_artifact
from codeprimer.core.console import Console, without_controls
from codeprimer.core.errors import UserError
from codeprimer.core.shards import Row, shard_paths
from codeprimer.run.folder import RunFolder

SHORTEST_PREFIX = 8
_ID = re.compile(rf"[0-9a-f]{{{SHORTEST_PREFIX},64}}")
_ID_COLUMNS = ("doc_id", "kept_doc_id", "parent_id")
_TEXT_SHOWN = 400  # characters


def trace_document(run: RunFolder, word: str) -> dict[str, Any]:
    """Return ``{"doc_id": ..., "life": [{"step", "table", "row"}, ...]}`` for one document of a run.

    ``word`` is the beginning of an id, or a path or its end. Raises UserError if it is unknown in this run or shared
    by several documents.
    """
    if _ID.fullmatch(word):
        return _life(run, word)
    place, row = _by_path(run, word)
    if row["doc_id"] is None:
        # A file that could not be read as text has no id, and this is its only row.
        return {"doc_id": None, "life": [{"step": "corpus", "table": place, "row": row}]}
    return _life(run, row["doc_id"])


def _by_path(run: RunFolder, word: str) -> tuple[str, Row]:
    """Return the corpus row, with its table, for the file at a path or at the only path that ends with it."""
    corpus = run.artifact("corpus")
    rows = [
        (table, row)
        for table in ("documents", "dropped")
        for path in shard_paths(corpus.table(table))
        for row in _where(path, "path", lambda paths: pc.or_(pc.equal(paths, word), pc.ends_with(paths, f"/{word}")))
    ]
    exact = [found for found in rows if found[1]["path"] == word]
    found = exact or rows
    if not found:
        raise UserError(
            f"{word!r} is neither a document id ({SHORTEST_PREFIX} or more hexadecimal digits) nor a path, or the end of "
            f"one, in {run.path}/10-corpus"
        )
    if len(found) > 1:
        places = ", ".join(f"{row['source']}:{row['path']}" for _, row in found[:5])
        raise UserError(f"{word!r} matches {len(found)} files; give a longer path or an id: {places}")
    return found[0]


def _life(run: RunFolder, prefix: str) -> dict[str, Any]:
    life = list(_rows(run, prefix))
    found = sorted({row[column] for _, _, row, column in life})
    if not found:
        raise UserError(f"no table of {run.path} has {prefix}; `codeprimer export {run.path} STEP/TABLE` lists ids")
    if len(found) > 1:
        raise UserError(f"{prefix} matches {len(found)} documents; use a longer prefix: {', '.join(found[:5])}")
    return {"doc_id": found[0], "life": [{"step": step, "table": table, "row": row} for step, table, row, _ in life]}


def _rows(run: RunFolder, prefix: str) -> Iterator[tuple[str, str, Row, str]]:
    for step, link in run.links().items():
        artifact = open_artifact(link)
        for table in artifact.tables():
            for path in shard_paths(artifact.table(table)):
                columns = [column for column in _ID_COLUMNS if column in pq.read_schema(path).names]
                for column in columns:
                    for row in _where(path, column, lambda ids: pc.starts_with(ids, prefix)):
                        yield step, table, row, column


def _where(path: Path, column: str, test: Callable[[Any], Any]) -> Iterator[Row]:
    """Yield the rows whose ``column`` passes a test; row groups without a match are not decoded."""
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            values = file.read_row_group(group, columns=[column]).column(0)
            mask = pc.fill_null(test(values), False)
            if pc.any(mask).as_py():
                rows: pa.Table = file.read_row_group(group).filter(mask)
                yield from rows.to_pylist()


def print_life(console: Console, life: dict[str, Any]) -> None:
    """Print a trace: one block per table; long texts are shortened, and each text is printed once."""
    console.say(f"[bold]{life['doc_id'] or 'no id: not readable as text'}[/]")
    places = {(entry["step"], entry["table"]) for entry in life["life"]}
    texts: dict[str, str] = {}
    for entry in life["life"]:
        place = f"{entry['step']}/{entry['table']}"
        if place == "quality/scores" and ("quality", "labels") not in places:
            console.say("\n[cyan]quality/labels[/]\n  not in the labelled sample: it was only scored")
        console.say(f"\n[cyan]{place}[/]")
        for name, value in entry["row"].items():
            if value is None or value == [] or name == "doc_id":
                continue
            before = texts.get(value) if name == "text" else None
            if name == "text":
                texts.setdefault(value, place)
            shown = _shown(value) if before is None else f"as in {before}, above"
            console.say(f"  [dim]{name:<14}[/] {escape(shown)}")


def _shown(value: Any) -> str:
    if not isinstance(value, str):
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    value = without_controls(value)
    text = value if len(value) <= _TEXT_SHOWN else f"{value[:_TEXT_SHOWN]} ... ({len(value):,} characters)"
    return text if "\n" not in text else "\n" + "\n".join(f"    {line}" for line in text.splitlines())
