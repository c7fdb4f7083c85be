"""Writing the tables of the artefact, stretch by stretch.

Reads the rows of a stretch again beside the pairs that were found in it; writes ``matches`` and the clean tables. One
idea: nothing is held but the pairs of one stretch, and of the raw documents their ids and the few pairs among them,
because the kept code is a part of the raw documents and need not be compared twice.
"""

from __future__ import annotations

import contextlib
from array import array
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from codeprimer.contamination.counting import Count
from codeprimer.contamination.references import References
from codeprimer.contamination.scanning import TRAINING_SETS, Stretch, TrainingSet, pairs_of
from codeprimer.core.artifact import Workspace
from codeprimer.core.documents import MATCHES, TRAINING_TEXTS
from codeprimer.core.shards import Row, TableWriter, read_rows


class Writing:
    """The tables that are being written, and what has been counted."""

    def __init__(self, references: References) -> None:
        self.references = references
        self.counts = {name: Count() for name in TRAINING_SETS}
        self._task_sets = {task.task_id: task.task_set for task in references.tasks}
        self._seen = {training_set.part_of: Seen() for training_set in TRAINING_SETS.values() if training_set.part_of}
        self._clean: dict[str, TableWriter] = {}

    def open(self, out: Workspace, tables: contextlib.ExitStack) -> None:
        """Begin every table; ``tables`` ends them."""
        self._matches = tables.enter_context(out.table("matches", MATCHES))
        self._clean = {name: tables.enter_context(out.table(name, TRAINING_TEXTS)) for name in TRAINING_SETS}

    def stretch(self, stretch: Stretch, scanned: Path | None) -> None:
        """Write one stretch; ``scanned`` is the folder of its pairs, None for a part of a set written before."""
        training_set = TRAINING_SETS[stretch.training_set]
        pairs = defaultdict(list)
        for pair in read_rows(scanned / "matches") if scanned else ():
            pairs[pair["doc_id"]].append(pair)
        for row in stretch.rows():
            text = training_set.text(row)
            found = pairs.get(row["doc_id"], []) if scanned else list(self._pairs(row["doc_id"], text, training_set))
            prompt_bytes = len(training_set.prompt(row).encode("utf-8", "surrogatepass"))
            clean = {"doc_id": row["doc_id"], "text": text, "prompt_bytes": prompt_bytes}
            self._document(training_set.name, clean, found)

    def _pairs(self, doc_id: str, text: str, training_set: TrainingSet) -> Iterator[Row]:
        """Yield the pairs of a document that was compared in another set, or is compared now."""
        seen = self._seen[training_set.part_of]
        if doc_id in seen:
            for pair in seen.pairs.get(doc_id, ()):
                yield {**pair, "training_set": training_set.name}
        else:
            yield from pairs_of(doc_id, text, training_set, self.references)

    def _document(self, name: str, clean: Row, pairs: list[Row]) -> None:
        for pair in pairs:
            self._matches.write(pair)
            self.counts[name].pair(pair, self._task_sets[pair["task_id"]])
        self.counts[name].document(clean["text"], removed=bool(pairs))
        if name in self._seen:
            self._seen[name].add(clean["doc_id"], pairs)
        if not pairs:
            self._clean[name].write(clean)


class Seen:
    """The documents of one set, eight bytes each, and the pairs of those few that have any."""

    def __init__(self) -> None:
        self.pairs: dict[str, list[Row]] = {}
        self._prefixes = array("Q")
        self._sorted = np.zeros(0, dtype=np.uint64)

    def add(self, doc_id: str, pairs: list[Row]) -> None:
        """Remember a document."""
        self._prefixes.append(_prefix(doc_id))
        if pairs:
            self.pairs[doc_id] = pairs

    def __contains__(self, doc_id: str) -> bool:
        """Tell whether a document was seen, by the first 64 bits of its id."""
        if len(self._sorted) < len(self._prefixes):
            self._sorted = np.sort(np.array(self._prefixes, dtype=np.uint64))
        wanted = np.uint64(_prefix(doc_id))
        place = int(np.searchsorted(self._sorted, wanted))
        return place < len(self._sorted) and bool(self._sorted[place] == wanted)


def _prefix(doc_id: str) -> int:
    return int(doc_id[:16], 16)
