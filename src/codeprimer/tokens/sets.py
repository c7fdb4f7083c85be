"""The training sets: tables of clean texts, from which documents are sampled.

Reads the contamination artefact's tables. Key idea: documents are sampled in a seeded random order up to a budget, but read in
the table's order, so sampling keeps a few numbers per row in memory and reading is one sequential pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from codeprimer.core.artifact import Artifact
from codeprimer.core.documents import TRAINING_SETS
from codeprimer.core.seeds import numpy_random
from codeprimer.core.shards import read_batches

Chosen = NDArray[np.bool_]
"""One flag per row of a table."""


@dataclass(frozen=True)
class TrainingSet:
    """One table of clean texts."""

    name: str
    table: Path
    sizes: NDArray[np.int64]
    """The size of every row's text [bytes]."""

    def everything(self) -> Chosen:
        """Return all rows."""
        return np.ones(len(self.sizes), bool)

    def draw(self, budget: float, seed: int, purpose: str) -> Chosen:
        """Return the rows sampled in random order until ``budget`` [bytes] is reached.

        The row that reaches the budget is included, so a positive budget selects at least one row of a non-empty set.
        """
        order = numpy_random(seed, "tokens", purpose, self.name).permutation(len(self.sizes))
        before = np.cumsum(self.sizes[order]) - self.sizes[order]
        chosen = np.zeros(len(self.sizes), bool)
        chosen[order[before < budget]] = True
        return chosen

    def draw_documents(self, documents: int, seed: int, purpose: str) -> Chosen:
        """Return up to ``documents`` random rows."""
        chosen = np.zeros(len(self.sizes), bool)
        chosen[numpy_random(seed, "tokens", purpose, self.name).permutation(len(self.sizes))[:documents]] = True
        return chosen

    def texts(self, chosen: Chosen) -> Iterator[str]:
        """Yield the texts of the chosen rows in the table's order, batch by batch."""
        return self._column("text", chosen)

    def doc_ids(self, chosen: Chosen) -> Iterator[str]:
        """Yield the ids of the chosen rows in the table's order, batch by batch."""
        return self._column("doc_id", chosen)

    def _column(self, name: str, chosen: Chosen) -> Iterator[str]:
        row = 0
        for batch in read_batches(self.table, [name]):
            mine = pa.array(chosen[row : row + batch.num_rows])
            row += batch.num_rows
            yield from batch.column(name).filter(mine).to_pylist()


def open_sets(contamination: Artifact) -> list[TrainingSet]:
    """Open the training sets; every text is read once to determine its size."""
    return [TrainingSet(name, contamination.table(name), _sizes(contamination.table(name))) for name in TRAINING_SETS]


def _sizes(table: Path) -> NDArray[np.int64]:
    sizes = [
        pc.binary_length(batch.column("text").cast(pa.binary())).to_numpy() for batch in read_batches(table, ["text"])
    ]
    return np.concatenate(sizes).astype(np.int64) if sizes else np.zeros(0, np.int64)
