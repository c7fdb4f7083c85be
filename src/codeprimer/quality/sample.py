"""Which documents are judged, and which part each of them plays.

A document's place in the sample follows from its id and the seed, so it does not depend on the order of the corpus. A
package is in one part only: a scorer that is tested on the neighbours of what it learned from looks better than it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from codeprimer.analysis.words import mix
from codeprimer.core.seeds import derive_seed
from codeprimer.core.shards import Row

PARTS: dict[str, float] = {"train": 0.6, "calibration": 0.2, "test": 0.2}
"""The share of the sample that each part should have."""


@dataclass(frozen=True)
class Sample:
    """The judged documents, by their row in the corpus, ascending."""

    rows: npt.NDArray[np.int64]
    packages: list[str]
    parts: list[str]
    keys: npt.NDArray[np.uint64]
    """The beginning of each document's id: an order that does not depend on where the files lay."""
    by_package: bool
    """False where there are too few packages, and files were divided instead."""
    available: int
    """Documents that could have been judged."""

    def only(self, places: Sequence[int]) -> Sample:
        """Return the sample without the documents that are not at ``places``."""
        chosen = np.array(places, dtype=np.int64)
        return replace(
            self,
            rows=self.rows[chosen],
            packages=[self.packages[place] for place in places],
            parts=[self.parts[place] for place in places],
            keys=self.keys[chosen],
        )


def choose_sample(rows: Iterable[Row], size: int, seed: int) -> Sample:
    """Choose ``size`` documents among those that may be trained on, and divide them into parts.

    ``rows`` have ``doc_id``, ``package`` and ``split``; those of held-out packages are passed over.
    """
    keys: list[int] = []
    numbers: list[int] = []
    packages: list[str] = []
    for number, row in enumerate(rows):
        if row["split"] == "train":
            keys.append(int(row["doc_id"][:16], 16))
            numbers.append(number)
            packages.append(row["package"])
    salt = np.uint64(derive_seed(seed, "quality", "sample"))
    drawn = np.argsort(mix(np.array(keys, dtype=np.uint64) ^ salt), kind="stable")[:size]
    chosen = np.sort(drawn)
    names = [packages[index] for index in chosen.tolist()]
    by_package = len(set(names)) >= 2 * len(PARTS)
    chosen_keys = np.array(keys, dtype=np.uint64)[chosen]
    groups = names if by_package else [f"{key:016x}" for key in chosen_keys.tolist()]
    part_of = divide(Counter(groups), seed)
    rows_chosen = np.array(numbers, dtype=np.int64)[chosen]
    return Sample(rows_chosen, names, [part_of[group] for group in groups], chosen_keys, by_package, len(numbers))


def divide(sizes: Mapping[str, int], seed: int) -> dict[str, str]:
    """Return a part for every group: the largest first, each into the part that lacks most."""
    total = sum(sizes.values())
    lacking = {part: share * total for part, share in PARTS.items()}
    part_of = {}
    for name in sorted(sizes, key=lambda name: (-sizes[name], derive_seed(seed, "quality", "part", name))):
        part = max(lacking, key=lambda part: lacking[part])
        part_of[name] = part
        lacking[part] -= sizes[name]
    return part_of
