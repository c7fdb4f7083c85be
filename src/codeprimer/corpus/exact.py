"""Finds exact duplicates with one sort over the ids of all texts.

Of several equal texts, the text with the most permissive licence is kept; among equally permissive licences, the first
in source order is kept.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from codeprimer.corpus.reading import KEYS

Index = npt.NDArray[np.int64]


def find_exact_duplicates(keys: npt.NDArray[np.void]) -> Index:
    """Return, for every text, the index of the equal text that is kept (its own index if it is kept itself)."""
    assert keys.dtype == KEYS
    ids = keys["id"]
    order = np.lexsort((np.arange(len(keys)), keys["rank"], ids[:, 3], ids[:, 2], ids[:, 1], ids[:, 0]))
    new = np.ones(len(keys), dtype=np.bool_)
    new[1:] = (ids[order[1:]] != ids[order[:-1]]).any(axis=1)
    first = order[np.flatnonzero(new)]
    stays = np.empty(len(keys), dtype=np.int64)
    stays[order] = first[np.cumsum(new) - 1] if len(keys) else first
    return stays
