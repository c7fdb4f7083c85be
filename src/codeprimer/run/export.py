"""Exports tables as JSON lines, for tools that do not read Parquet."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import orjson

from codeprimer.core.artifact import out_of_space
from codeprimer.core.errors import UserError
from codeprimer.run.folder import RunFolder, step_name


def export_jsonl(run: RunFolder, name: str, target: Path) -> int:
    """Write a run's table ``step/table`` as JSON lines and return the number of rows.

    The file appears only when it is complete; ``-`` is standard output. Raises UserError if the name is not that of a
    table, or if the target is in the store, whose artefacts never change.
    """
    step, slash, table = name.partition("/")
    step = step_name(step)
    if not slash or not table:
        raise UserError(f"{name}: a table is named step/table, such as quality/kept; steps: {', '.join(run.links())}")
    artifact = run.artifact(step)
    if table not in artifact.tables():
        raise UserError(f"{name}: {step} has no such table; its tables: {', '.join(artifact.tables()) or 'none'}")
    _refuse(target, run)
    rows = 0
    with _open(target) as file:
        for row in artifact.rows(table):
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
            rows += 1
    return rows


def _refuse(target: Path, run: RunFolder) -> None:
    if target.is_dir():
        raise UserError(f"--jsonl: {target} is a folder; name a file in it")
    if target.resolve().is_relative_to(run.store.root.resolve()):
        raise UserError(f"--jsonl: {target} lies in the store, which is read-only; name a file elsewhere")


@contextmanager
def _open(target: Path) -> Iterator[BinaryIO]:
    if str(target) == "-":
        yield sys.stdout.buffer
        return
    with out_of_space(target.parent):
        if target.is_symlink() or (target.exists() and not target.is_file()):
            # A pipe, a device, or a link such as /dev/stdout must not be replaced with a file.
            with target.open("wb") as file:
                yield file
            return
        temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
        try:
            with temporary.open("xb") as file:
                yield file
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
