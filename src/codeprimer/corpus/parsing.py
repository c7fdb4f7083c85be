"""The second pass: parses every distinct text once, and computes its near-duplicate signature.

Each unit's folder holds ``passed.npy`` (the rows of the unit's ``clean`` table that passed), the band keys of those rows
in ``bands.npy``, and their hash sets, which verify candidate pairs, in ``shingles.bin``, cut at ``offsets.npy``.
``dropped.json`` records why each of the other rows was dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson

from codeprimer.analysis.minhash import band_keys, shingles, signature
from codeprimer.analysis.python_source import NotPythonError, has_code
from codeprimer.analysis.words import U64Array
from codeprimer.core.documents import Document
from codeprimer.core.plugins import PluginSettings
from codeprimer.core.shards import read_rows
from codeprimer.corpus.filter import File, Filter, first_drop, make_filters
from codeprimer.corpus.reasons import EMPTY, SYNTAX_ERROR, Drop
from codeprimer.corpus.settings import NearDuplicateSettings


@dataclass(frozen=True)
class ParseUnit:
    """The folder of a read unit, a file of booleans that marks its distinct rows, and the settings."""

    read: Path
    distinct: Path
    filters: tuple[PluginSettings, ...]
    near: NearDuplicateSettings


def parse_unit(unit: ParseUnit, folder: Path) -> None:
    """Parse one unit's distinct texts into ``folder``."""
    filters = make_filters(unit.filters, needs_tree=True)
    distinct = np.load(unit.distinct)
    passed: list[int] = []
    bands: list[U64Array] = []
    offsets = [0]
    dropped: dict[str, tuple[str, str]] = {}
    with (folder / "shingles.bin").open("wb") as file:
        for index, row in enumerate(read_rows(unit.read / "clean", _COLUMNS, Document)):
            if not distinct[index]:
                continue
            if (
                drop := check_tree(File(row["text"], row["path"], row["package"], row["license"]), filters)
            ) is not None:
                dropped[str(index)] = (drop.reason, drop.detail)
                continue
            hashes = shingles(row["text"])
            passed.append(index)
            bands.append(band_keys(signature(hashes, unit.near.bands * unit.near.rows), unit.near.bands))
            offsets.append(offsets[-1] + len(hashes))
            file.write(hashes.tobytes())
    np.save(folder / "passed.npy", np.array(passed, dtype=np.int64))
    np.save(folder / "bands.npy", np.array(bands, dtype=np.uint64).reshape(len(bands), unit.near.bands))
    np.save(folder / "offsets.npy", np.array(offsets, dtype=np.int64))
    (folder / "dropped.json").write_bytes(orjson.dumps(dropped, option=orjson.OPT_SORT_KEYS))


_COLUMNS = ("text", "path", "package", "license")


def check_tree(file: File, filters: Sequence[Filter]) -> Drop | None:
    """Return why a text is dropped after parsing, or None if it is not."""
    try:
        tree = file.tree
    except NotPythonError as error:
        return Drop(SYNTAX_ERROR, str(error))
    if not has_code(tree):
        return Drop(EMPTY, "comments and docstrings alone")
    return first_drop(file, filters)
