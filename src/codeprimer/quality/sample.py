"""Chooses the documents to label, and splits them into train, calibration and test.

Whether a document is sampled depends on its id and the seed, but not on the order of the corpus. Each package is in one
split only, because a scorer looks better than it is when it is tested on packages from which it learned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from codeprimer.analysis.words import mix
from codeprimer.core.seeds import derive_seed

SPLITS: dict[str, float] = {"train": 0.6, "calibration": 0.2, "test": 0.2}
"""The target fraction of the sample in each split."""


@dataclass(frozen=True)
class Sample:
    """The sampled documents, in ascending order of their row in the corpus."""

    rows: npt.NDArray[np.int64]
    packages: list[str]
    splits: list[str]
    keys: npt.NDArray[np.uint64]
    """The first 64 bits of each document's id; they give an order that does not depend on file names."""
    by_package: bool
    """False if files were split instead, because there are too few packages."""
    available: int
    """Number of documents that could have been sampled."""

    def only(self, indices: npt.NDArray[np.int64]) -> Sample:
        """Return a sample with only the documents at these indices."""
        return replace(
            self,
            rows=self.rows[indices],
            packages=[self.packages[index] for index in indices.tolist()],
            splits=[self.splits[index] for index in indices.tolist()],
            keys=self.keys[indices],
        )


class Candidate(TypedDict):
    """The columns of a document that are needed to choose a sample."""

    doc_id: str
    package: str
    split: str


def choose_sample(documents: Iterable[Candidate], size: int, seed: int) -> Sample:
    """Choose and split ``size`` documents that may be trained on; documents in held-out packages are skipped."""
    keys: list[int] = []
    numbers: list[int] = []
    packages: list[str] = []
    for number, row in enumerate(documents):
        if row["split"] == "train":
            keys.append(int(row["doc_id"][:16], 16))
            numbers.append(number)
            packages.append(row["package"])
    salt = np.uint64(derive_seed(seed, "quality", "sample"))
    drawn = np.argsort(mix(np.array(keys, dtype=np.uint64) ^ salt), kind="stable")[:size]
    chosen = np.sort(drawn)
    names = [packages[index] for index in chosen.tolist()]
    by_package = len(set(names)) >= 2 * len(SPLITS)
    chosen_keys = np.array(keys, dtype=np.uint64)[chosen]
    groups = names if by_package else [f"{key:016x}" for key in chosen_keys.tolist()]
    split_of = assign_splits(Counter(groups), seed)
    rows_chosen = np.array(numbers, dtype=np.int64)[chosen]
    return Sample(rows_chosen, names, [split_of[group] for group in groups], chosen_keys, by_package, len(numbers))


def assign_splits(sizes: Mapping[str, int], seed: int) -> dict[str, str]:
    """Return a split for every group of documents: the largest first, each in the split that lacks the most."""
    total = sum(sizes.values())
    lacking = {split: fraction * total for split, fraction in SPLITS.items()}
    split_of = {}
    for name in sorted(sizes, key=lambda name: (-sizes[name], derive_seed(seed, "quality", "part", name))):
        split = max(lacking, key=lambda split: lacking[split])
        split_of[name] = split
        lacking[split] -= sizes[name]
    return split_of
