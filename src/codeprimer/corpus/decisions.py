"""Decides what happens to every clean row; the tables are written from these decisions, which are a few numbers per document.

Rows are numbered across all units. Names and licences are read only when they are needed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson

from codeprimer.core.documents import Document
from codeprimer.core.shards import read_rows
from codeprimer.corpus.exact import Index, find_exact_duplicates
from codeprimer.corpus.near import NearDuplicates, ShingleFiles, find_near_duplicates
from codeprimer.corpus.reading import KEYS
from codeprimer.corpus.reasons import Drop
from codeprimer.corpus.settings import NearDuplicateSettings


@dataclass
class Decisions:
    """What happens to every clean row of the read units in ``folders``."""

    folders: list[Path]
    keys: npt.NDArray[np.void]
    same_as: Index
    """For each row, the row with the same text that is kept; its own number if the row itself is kept."""
    dropped: dict[int, Drop]
    """Rows that were dropped after parsing."""
    near: NearDuplicates

    def is_kept(self, row: int) -> bool:
        """Return whether a row becomes a document."""
        return self.same_as[row] == row and row not in self.dropped and row not in self.near.kept

    def final(self, row: int) -> int:
        """Return the kept row that finally represents this row."""
        same = int(self.same_as[row])
        return self.near.kept.get(same, same)

    def document_id(self, row: int) -> str:
        """Return a row's ``doc_id``."""
        return bytes(self.keys["id"][row].astype(">u8").tobytes()).hex()

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[tuple[int, Document]]:
        """Yield every row with its number."""
        number = 0
        for folder in self.folders:
            for row in read_rows(folder / "clean", columns, Document):
                yield number, row
                number += 1


def gather_keys(folders: list[Path]) -> tuple[npt.NDArray[np.void], Index]:
    """Return the keys of all read units, and the number of each unit's first row, followed by the total number of rows."""
    parts = [np.load(folder / "keys.npy") for folder in folders]
    keys = np.concatenate(parts) if parts else np.empty(0, dtype=KEYS)
    return keys, np.cumsum([0, *map(len, parts)])


def write_distinct(folders: list[Path], target: Path) -> None:
    """Write into ``target`` which rows are distinct.

    ``same_as.npy`` covers all rows; ``00000.npy``, ``00001.npy`` and so on hold booleans, one file per unit.
    """
    keys, starts = gather_keys(folders)
    same_as = find_exact_duplicates(keys)
    np.save(target / "same_as.npy", same_as)
    distinct = same_as == np.arange(len(keys))
    for unit in range(len(folders)):
        np.save(target / f"{unit:05d}.npy", distinct[starts[unit] : starts[unit + 1]])


def decide(read: list[Path], parsed: list[Path], exact: Path, settings: NearDuplicateSettings) -> Decisions:
    """Return the decisions about all rows, from the folders of all units."""
    keys, starts = gather_keys(read)
    dropped: dict[int, Drop] = {}
    passed = []
    for start, folder in zip(starts.tolist(), parsed, strict=False):
        found = orjson.loads((folder / "dropped.json").read_bytes())
        dropped |= {start + int(row): Drop(*drop) for row, drop in found.items()}
        passed.append(start + np.load(folder / "passed.npy"))
    rows = np.concatenate(passed) if passed else np.empty(0, dtype=np.int64)
    near = _near_duplicates(rows, keys, parsed, settings) if settings.enabled and parsed else NearDuplicates()
    return Decisions(read, keys, np.load(exact / "same_as.npy"), dropped, near)


def _near_duplicates(
    rows: Index, keys: npt.NDArray[np.void], parsed: list[Path], settings: NearDuplicateSettings
) -> NearDuplicates:
    chosen = keys[rows]
    ids = chosen["id"]
    order = np.lexsort((ids[:, 1], ids[:, 0], -chosen["bytes"].astype(np.int64), chosen["rank"]))
    bands = np.concatenate([np.load(folder / "bands.npy") for folder in parsed])
    found = find_near_duplicates(bands, order, ShingleFiles(parsed), settings)
    return NearDuplicates(
        kept={int(rows[gone]): int(rows[kept]) for gone, kept in found.kept.items()},
        similarity={int(rows[gone]): value for gone, value in found.similarity.items()},
        compared=found.compared,
        truncated=found.truncated,
    )


@dataclass(frozen=True)
class Census:
    """The facts about all rows that are needed to write the tables."""

    names: dict[int, str]
    """The "source:path" of every row that is a duplicate or has duplicates."""
    origins: dict[int, list[str]]
    """For each kept row that has duplicates, its own name and then the names of the duplicates."""
    package_bytes: dict[str, int]
    """The total size of each package's kept documents [bytes]."""


def take_census(decisions: Decisions) -> Census:
    """Read the names and packages of all rows, without their texts."""
    count = len(decisions.keys)
    finals = np.array([decisions.final(row) for row in range(count)], dtype=np.int64)
    involved = finals != np.arange(count)
    involved |= decisions.same_as != np.arange(count)
    involved[finals[involved]] = True
    involved[decisions.same_as[involved]] = True
    names: dict[int, str] = {}
    packages: Counter[str] = Counter()
    for number, row in decisions.rows(["source", "package", "path"]):
        if involved[number]:
            names[number] = f"{row['source']}:{row['path']}"
        if decisions.is_kept(number):
            packages[row["package"]] += int(decisions.keys["bytes"][number])
    origins: dict[int, list[str]] = {}
    for number in np.flatnonzero(involved).tolist():
        final = int(finals[number])
        if decisions.is_kept(final) and number != final:
            origins.setdefault(final, [names[final]]).append(names[number])
    return Census(names, origins, dict(packages))
