"""Writes the artefact's tables, chunk by chunk.

Reads each chunk's texts again, together with the matches found in them, and writes ``matches`` and the clean tables.
Memory holds the matches of one chunk, and the ids and few matches of the raw documents. The ids and matches are kept
because the kept code is a subset of the raw documents and is not compared again.
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
from codeprimer.contamination.scanning import SOURCES, Chunk, TrainingSet, matches_of
from codeprimer.core.artifact import Workspace
from codeprimer.core.documents import MATCHES, TRAINING_TEXTS, Match, TrainingText
from codeprimer.core.shards import TableWriter, read_rows


class Writing:
    """The open tables, and the counts so far."""

    def __init__(self, references: References) -> None:
        self.references = references
        self.counts = {name: Count() for name in SOURCES}
        self._task_sets = {reference.task_id: reference.task_set for reference in references.listed}
        self._seen = {source.subset_of: Seen() for source in SOURCES.values() if source.subset_of}
        self._clean: dict[str, TableWriter] = {}

    def open(self, out: Workspace, tables: contextlib.ExitStack) -> None:
        """Open every table; ``tables`` closes them."""
        self._matches = tables.enter_context(out.table("matches", MATCHES))
        self._clean = {name: tables.enter_context(out.table(name, TRAINING_TEXTS)) for name in SOURCES}

    def chunk(self, chunk: Chunk, scanned: Path | None) -> None:
        """Write one chunk; ``scanned`` is the folder with its matches, or None if its set is a subset of an earlier set."""
        found: defaultdict[str, list[Match]] = defaultdict(list)
        for match in read_rows(scanned / "matches", None, Match) if scanned else ():
            found[match["doc_id"]].append(match)
        for text in chunk.texts():
            matches = found.get(text["doc_id"], []) if scanned else list(self._matches_of(text, chunk.training_set))
            self._document(chunk.training_set.name, text, matches)

    def _matches_of(self, text: TrainingText, training_set: TrainingSet) -> Iterator[Match]:
        """Yield a document's matches, taken from the superset if the document was compared there."""
        seen = self._seen[training_set.subset_of]
        if text["doc_id"] in seen:
            for match in seen.matches.get(text["doc_id"], ()):
                yield {**match, "training_set": training_set.name}
        else:
            yield from matches_of(text, training_set, self.references)

    def _document(self, name: str, text: TrainingText, matches: list[Match]) -> None:
        for match in matches:
            self._matches.write(match)
            self.counts[name].match(match, self._task_sets[match["task_id"]])
        self.counts[name].document(text["text"], removed=bool(matches))
        if name in self._seen:
            self._seen[name].add(text["doc_id"], matches)
        if not matches:
            self._clean[name].write(text)


class Seen:
    """The documents in one set, eight bytes each, and the matches of the few documents that have any."""

    def __init__(self) -> None:
        self.matches: dict[str, list[Match]] = {}
        self._prefixes = array("Q")
        self._sorted = np.zeros(0, dtype=np.uint64)

    def add(self, doc_id: str, matches: list[Match]) -> None:
        """Add a document."""
        self._prefixes.append(_prefix(doc_id))
        if matches:
            self.matches[doc_id] = matches

    def __contains__(self, doc_id: str) -> bool:
        """Return whether a document whose id has the same first 64 bits was added."""
        if len(self._sorted) < len(self._prefixes):
            self._sorted = np.sort(np.array(self._prefixes, dtype=np.uint64))
        wanted = np.uint64(_prefix(doc_id))
        place = int(np.searchsorted(self._sorted, wanted))
        return place < len(self._sorted) and bool(self._sorted[place] == wanted)


def _prefix(doc_id: str) -> int:
    return int(doc_id[:16], 16)
