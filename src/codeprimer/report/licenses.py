"""The licences of the published code.

The table of clean texts has no licence column, but the texts are in the same order as the kept documents, so both tables
are read in parallel and memory use stays constant.
"""

from __future__ import annotations

from collections import Counter

from codeprimer.core.artifact import Artifact
from codeprimer.core.documents import KeptDocument, TrainingText

NONE_FOUND = "none found"


def published_licenses(quality: Artifact, contamination: Artifact) -> dict[str, int]:
    """Return the number of clean documents for each SPDX identifier, the most common first."""
    clean = (row["doc_id"] for row in contamination.rows("code", ["doc_id"], TrainingText))
    counts: Counter[str] = Counter()
    wanted = next(clean, None)
    for row in quality.rows("kept", ["doc_id", "license"], KeptDocument):
        if row["doc_id"] == wanted:
            counts[row["license"] or NONE_FOUND] += 1
            wanted = next(clean, None)
    assert wanted is None, f"the clean code holds {wanted}, which is missing from the kept documents or out of order"
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
