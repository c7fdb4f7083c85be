"""Tables as JSON lines, for whatever does not read Parquet."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import orjson

from codeprimer.core.artifact import out_of_space
from codeprimer.core.errors import UserError
from codeprimer.run_folder import RunFolder, step_name


def export_jsonl(run: RunFolder, name: str, target: Path) -> int:
    """Write the table ``step/table`` of a run as JSON lines and return the number of rows.

    The file appears when it is complete. ``-`` is standard output. Raises UserError for a name that is not a table.
    """
    step, slash, table = name.partition("/")
    step = step_name(step)
    if not slash or not table:
        raise UserError(f"{name}: a table is named step/table, such as quality/kept; steps: {', '.join(run.links())}")
    artifact = run.artifact(step)
    if table not in artifact.tables():
        raise UserError(f"{name}: {step} has no such table; its tables: {', '.join(artifact.tables()) or 'none'}")
    rows = 0
    with _open(target) as file:
        for row in artifact.rows(table):
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
            rows += 1
    return rows


@contextmanager
def _open(target: Path) -> Iterator[BinaryIO]:
    if str(target) == "-":
        yield sys.stdout.buffer
        return
    temporary = target.with_name(target.name + ".tmp")
    with out_of_space(target.parent):
        try:
            with temporary.open("wb") as file:
                yield file
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
