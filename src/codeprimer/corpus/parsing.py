"""The second unit of work: parse every distinct text once, and take its near-duplicate signature.

Each unit's folder holds ``passed.npy`` (rows of the unit's ``clean`` table), for those rows ``bands.npy``, and the sets
of hashes that verify a candidate pair: ``shingles.bin``, cut at ``offsets.npy``. What did not pass is in
``refused.json`` by row.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson

from codeprimer.analysis.minhash import band_keys, shingles, signature
from codeprimer.analysis.python_source import NotPythonError, has_code, literal_share, parse
from codeprimer.analysis.words import U64Array
from codeprimer.core.shards import read_rows
from codeprimer.corpus.filters import Reason, Refusal
from codeprimer.corpus.settings import FilterSettings, NearDuplicateSettings


@dataclass(frozen=True)
class ParseUnit:
    """The folder of a read unit, which of its rows are distinct (a file of booleans), and the settings."""

    read: Path
    wanted: Path
    filters: FilterSettings
    near: NearDuplicateSettings


def parse_unit(unit: ParseUnit, folder: Path) -> None:
    """Parse one unit's distinct texts into ``folder``."""
    wanted = np.load(unit.wanted)
    passed: list[int] = []
    bands: list[U64Array] = []
    offsets = [0]
    refused: dict[str, tuple[str, str]] = {}
    with (folder / "shingles.bin").open("wb") as file:
        for index, row in enumerate(read_rows(unit.read / "clean", ["text"])):
            if not wanted[index]:
                continue
            if (refusal := judge_code(row["text"], unit.filters)) is not None:
                refused[str(index)] = (refusal.reason, refusal.detail)
                continue
            hashes = shingles(row["text"])
            passed.append(index)
            bands.append(band_keys(signature(hashes, unit.near.bands * unit.near.rows), unit.near.bands))
            offsets.append(offsets[-1] + len(hashes))
            file.write(hashes.tobytes())
    np.save(folder / "passed.npy", np.array(passed, dtype=np.int64))
    np.save(folder / "bands.npy", np.array(bands, dtype=np.uint64).reshape(len(bands), unit.near.bands))
    np.save(folder / "offsets.npy", np.array(offsets, dtype=np.int64))
    (folder / "refused.json").write_bytes(orjson.dumps(refused, option=orjson.OPT_SORT_KEYS))


def judge_code(text: str, settings: FilterSettings) -> Refusal | None:
    """Return why a text is dropped once its syntax tree is known, or None."""
    try:
        tree = parse(text)
    except NotPythonError as error:
        return Refusal(Reason.SYNTAX_ERROR, str(error))
    if not has_code(tree):
        return Refusal(Reason.EMPTY, "comments and docstrings alone")
    if (share := literal_share(tree)) > settings.max_literal_share:
        return Refusal(Reason.DATA_ONLY, f"{share:.0%} of its lines are literal values")
    return None
