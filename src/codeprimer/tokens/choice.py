"""Choose documents: a sample to learn from, or as many as can be used.

Reads a table of training texts, returns which rows to take. Its one idea: documents are drawn in a seeded random order
until a budget is reached, but handed on in the table's order, so that choosing costs a few numbers per row and reading
stays one stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from codeprimer.core.shards import read_batches

Chosen = NDArray[np.bool_]


def text_sizes(table: Path) -> NDArray[np.int64]:
    """Return the size of every row's text [bytes]."""
    sizes = [
        pc.binary_length(batch.column("text").cast(pa.binary())).to_numpy() for batch in read_batches(table, ["text"])
    ]
    return np.concatenate(sizes).astype(np.int64) if sizes else np.zeros(0, np.int64)


def draw(sizes: NDArray[np.int64], budget: float, generator: np.random.Generator) -> Chosen:
    """Return which rows are taken when rows are drawn in random order until ``budget`` [bytes] is reached.

    The row that reaches the budget is taken too, so a positive budget never takes nothing.
    """
    order = generator.permutation(len(sizes))
    before = np.cumsum(sizes[order]) - sizes[order]
    chosen = np.zeros(len(sizes), bool)
    chosen[order[before < budget]] = True
    return chosen


def chosen_texts(table: Path, chosen: Chosen) -> Iterator[str]:
    """Yield the texts of the chosen rows in the table's order; memory holds one batch."""
    row = 0
    for batch in read_batches(table, ["text"]):
        mine = chosen[row : row + batch.num_rows]
        row += batch.num_rows
        yield from batch.column("text").filter(pa.array(mine)).to_pylist()
