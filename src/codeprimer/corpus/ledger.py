"""What became of every clean row: a few numbers per document, from which the tables are written.

Rows are numbered through all units. ``same_as`` is the row of the equal text that stays, ``near_to`` the row of the
near copy that stays; refusals after parsing are kept by row. Names and licences are read when they are needed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson

from codeprimer.core.shards import Row, read_rows
from codeprimer.corpus.exact import Index, find_copies
from codeprimer.corpus.filters import Reason, Refusal
from codeprimer.corpus.near import Copies, ShingleFiles, find_near_copies
from codeprimer.corpus.reading import KEYS
from codeprimer.corpus.settings import NearDuplicateSettings


@dataclass
class Ledger:
    """The fate of every clean row of the read units ``folders``."""

    folders: list[Path]
    keys: npt.NDArray[np.void]
    starts: Index
    """The first row of each unit, and the number of all rows at the end."""
    same_as: Index
    refused: dict[int, Refusal]
    near: Copies

    def is_kept(self, row: int) -> bool:
        """Tell whether a row becomes a document."""
        return self.same_as[row] == row and row not in self.refused and row not in self.near.kept

    def final(self, row: int) -> int:
        """Return the row that stands for this one in the end."""
        same = int(self.same_as[row])
        return self.near.kept.get(same, same)

    def document_id(self, row: int) -> str:
        """Return a row's ``doc_id``."""
        return bytes(self.keys["id"][row].astype(">u8").tobytes()).hex()

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[tuple[int, Row]]:
        """Yield every row with its number."""
        number = 0
        for folder in self.folders:
            for row in read_rows(folder / "clean", columns):
                yield number, row
                number += 1


def gather_keys(folders: list[Path]) -> tuple[npt.NDArray[np.void], Index]:
    """Return the keys of all read units, and the first row of each with the number of all rows at the end."""
    parts = [np.load(folder / "keys.npy") for folder in folders]
    keys = np.concatenate(parts) if parts else np.empty(0, dtype=KEYS)
    return keys, np.cumsum([0, *map(len, parts)])


def find_exact(folders: list[Path], target: Path) -> None:
    """Write into ``target`` which rows are distinct: ``same_as.npy`` for all, ``00000.npy`` ... of booleans by unit."""
    keys, starts = gather_keys(folders)
    same_as = find_copies(keys)
    np.save(target / "same_as.npy", same_as)
    distinct = same_as == np.arange(len(keys))
    for unit in range(len(folders)):
        np.save(target / f"{unit:05d}.npy", distinct[starts[unit] : starts[unit + 1]])


def open_ledger(read: list[Path], parsed: list[Path], exact: Path, settings: NearDuplicateSettings) -> Ledger:
    """Return the fate of every row from the folders of all units."""
    keys, starts = gather_keys(read)
    refused: dict[int, Refusal] = {}
    passed = []
    for start, folder in zip(starts.tolist(), parsed, strict=False):
        for row, (reason, detail) in orjson.loads((folder / "refused.json").read_bytes()).items():
            refused[start + int(row)] = Refusal(Reason(reason), detail)
        passed.append(start + np.load(folder / "passed.npy"))
    rows = np.concatenate(passed) if passed else np.empty(0, dtype=np.int64)
    near = _near_copies(rows, keys, parsed, settings) if settings.enabled and parsed else Copies()
    return Ledger(read, keys, starts, np.load(exact / "same_as.npy"), refused, near)


def _near_copies(
    rows: Index, keys: npt.NDArray[np.void], parsed: list[Path], settings: NearDuplicateSettings
) -> Copies:
    chosen = keys[rows]
    ids = chosen["id"]
    order = np.lexsort((ids[:, 1], ids[:, 0], -chosen["bytes"].astype(np.int64), chosen["rank"]))
    bands = np.concatenate([np.load(folder / "bands.npy") for folder in parsed])
    found = find_near_copies(bands, order, ShingleFiles(parsed), settings)
    return Copies(
        kept={int(rows[went]): int(rows[stays]) for went, stays in found.kept.items()},
        similarity={int(rows[went]): value for went, value in found.similarity.items()},
        compared=found.compared,
        cut=found.cut,
    )


@dataclass(frozen=True)
class Census:
    """What a pass over all rows without their texts finds out."""

    names: dict[int, str]
    """"source:path" of every row that is a copy or has copies."""
    origins: dict[int, list[str]]
    """The names of all copies of a kept row that has some, its own first."""
    package_bytes: dict[str, int]
    """The size of each package's kept documents [bytes]."""


def take_census(ledger: Ledger) -> Census:
    """Read names and packages, and remember those that the tables need."""
    count = len(ledger.keys)
    finals = np.array([ledger.final(row) for row in range(count)], dtype=np.int64)
    involved = finals != np.arange(count)
    involved |= ledger.same_as != np.arange(count)
    involved[finals[involved]] = True
    involved[ledger.same_as[involved]] = True
    names: dict[int, str] = {}
    packages: Counter[str] = Counter()
    for number, row in ledger.rows(["source", "package", "path"]):
        if involved[number]:
            names[number] = f"{row['source']}:{row['path']}"
        if ledger.is_kept(number):
            packages[row["package"]] += int(ledger.keys["bytes"][number])
    origins: dict[int, list[str]] = {}
    for number in np.flatnonzero(involved).tolist():
        final = int(finals[number])
        if ledger.is_kept(final) and number != final:
            origins.setdefault(final, [names[final]]).append(names[number])
    return Census(names, origins, dict(packages))
