"""One document's whole life: every row of every table of a run that speaks of it.

A document is found by its ``doc_id``, by the id of the copy that was kept in its place, and by the document it was made
from; rows come in the order of the flow, so the life reads from its source to the model that was trained on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.markup import escape

from codeprimer.core.artifact import open_artifact
from codeprimer.core.console import Console
from codeprimer.core.errors import UserError
from codeprimer.core.shards import Row, shard_paths
from codeprimer.run_folder import RunFolder

SHORTEST_PREFIX = 8
_ID_COLUMNS = ("doc_id", "kept_doc_id", "parent_id")
_TEXT_SHOWN = 400  # characters


def trace_document(run: RunFolder, prefix: str) -> dict[str, Any]:
    """Return ``{"doc_id": ..., "life": [{"step", "table", "row"}, ...]}`` for one document of a run.

    Raises UserError when the prefix is too short, unknown in this run, or shared by several documents.
    """
    if len(prefix) < SHORTEST_PREFIX or not all(character in "0123456789abcdef" for character in prefix):
        raise UserError(f"{prefix!r} is not a document id: at least {SHORTEST_PREFIX} hexadecimal digits are needed")
    life = list(_rows(run, prefix))
    found = sorted({row[column] for _, _, row, column in life})
    if not found:
        raise UserError(f"{prefix} is in no table of {run.path}; `codeprimer export {run.path} STEP/TABLE` lists ids")
    if len(found) > 1:
        raise UserError(f"{prefix} stands for {len(found)} documents, give more digits: {', '.join(found[:5])}")
    return {"doc_id": found[0], "life": [{"step": step, "table": table, "row": row} for step, table, row, _ in life]}


def _rows(run: RunFolder, prefix: str) -> Iterator[tuple[str, str, Row, str]]:
    for step, link in run.links().items():
        artifact = open_artifact(link)
        for table in artifact.tables():
            for path in shard_paths(artifact.table(table)):
                columns = [column for column in _ID_COLUMNS if column in pq.read_schema(path).names]
                for column in columns:
                    for row in _matching(path, column, prefix):
                        yield step, table, row, column


def _matching(path: Any, column: str, prefix: str) -> Iterator[Row]:
    """Yield the rows whose ``column`` starts with ``prefix``; row groups without one are not decoded."""
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            ids = file.read_row_group(group, columns=[column]).column(0)
            mask = pc.fill_null(pc.starts_with(ids, prefix), False)
            if pc.any(mask).as_py():
                rows: pa.Table = file.read_row_group(group).filter(mask)
                yield from rows.to_pylist()


def print_life(console: Console, life: dict[str, Any]) -> None:
    """Print a life for people: one block per table, long texts shortened."""
    console.say(f"[bold]{life['doc_id']}[/]")
    for entry in life["life"]:
        console.say(f"\n[cyan]{entry['step']}/{entry['table']}[/]")
        for name, value in entry["row"].items():
            if value is None or value == [] or name == "doc_id":
                continue
            console.say(f"  [dim]{name:<14}[/] {escape(_shown(value))}")


def _shown(value: Any) -> str:
    if not isinstance(value, str):
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    text = value if len(value) <= _TEXT_SHOWN else f"{value[:_TEXT_SHOWN]} ... ({len(value):,} characters)"
    return text if "\n" not in text else "\n" + "\n".join(f"    {line}" for line in text.splitlines())
