"""Which licences the published code has.

Reads the tables of two artefacts. Its one idea: the clean texts carry no licence, but they are the kept documents in
the same order with gaps, so both are read side by side and nothing is held in memory.
"""

from __future__ import annotations

from collections import Counter

from codeprimer.core.artifact import Artifact

NONE_FOUND = "none found"


def published_licenses(quality: Artifact, contamination: Artifact) -> dict[str, int]:
    """Return the documents of the clean code by SPDX identifier, the commonest first."""
    clean = (row["doc_id"] for row in contamination.rows("code", ["doc_id"]))
    counts: Counter[str] = Counter()
    wanted = next(clean, None)
    for row in quality.rows("kept", ["doc_id", "license"]):
        if row["doc_id"] == wanted:
            counts[row["license"] or NONE_FOUND] += 1
            wanted = next(clean, None)
    assert wanted is None, f"the clean code holds {wanted}, which the kept documents do not hold in this order"
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
