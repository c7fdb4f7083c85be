"""Finds near-duplicates: locality-sensitive hashing finds candidates, which are verified by their exact similarity.

Documents are visited in order of preference (licence, length, id). A document is dropped if its exact Jaccard similarity
to an *already kept* document reaches the threshold. Pairs are not closed transitively, because that would group files
that have little in common. Memory holds a few hundred bytes per document; the hash sets stay on disk.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from codeprimer.analysis.minhash import jaccard
from codeprimer.analysis.words import U64Array
from codeprimer.corpus.exact import Index
from codeprimer.corpus.settings import NearDuplicateSettings

_CACHED_BYTES = 64 * 2**20
"""Size of the hash-set cache during verification [bytes]."""


@dataclass
class NearDuplicates:
    """Pairs of near-duplicates, and counts."""

    kept: dict[int, int] = field(default_factory=dict)
    """Dropped document -> kept document, both as indices among all documents."""
    similarity: dict[int, float] = field(default_factory=dict)
    """Dropped document -> its Jaccard similarity to the kept document."""
    compared: int = 0
    """Number of compared pairs."""
    truncated: int = 0
    """Number of documents with more candidates than ``max_candidates``."""


class ShingleFiles:
    """The hash sets of all documents, read on demand from the folders of the parsed units."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._files = [folder / "shingles.bin" for folder in folders]
        offsets = [np.load(folder / "offsets.npy") for folder in folders]
        self.lengths = np.concatenate([np.diff(part) for part in offsets]).astype(np.int64)
        self._starts = np.concatenate([part[:-1] for part in offsets])
        self._file_of = np.repeat(np.arange(len(folders)), [len(part) - 1 for part in offsets])
        self._cache: OrderedDict[int, U64Array] = OrderedDict()
        self._cached_bytes = 0

    def __getitem__(self, document: int) -> U64Array:
        if (found := self._cache.get(document)) is not None:
            self._cache.move_to_end(document)
            return found
        hashes = np.fromfile(
            self._files[self._file_of[document]],
            dtype=np.uint64,
            count=int(self.lengths[document]),
            offset=8 * int(self._starts[document]),
        )
        self._cache[document] = hashes
        self._cached_bytes += hashes.nbytes
        while self._cached_bytes > _CACHED_BYTES:
            self._cached_bytes -= self._cache.popitem(last=False)[1].nbytes
        return hashes


def find_near_duplicates(
    bands: U64Array, order: Index, files: ShingleFiles, settings: NearDuplicateSettings
) -> NearDuplicates:
    """Return the near-duplicates among the documents whose band keys are ``bands`` [documents, bands].

    ``order`` lists the documents in order of preference.
    """
    repeated = repeated_keys(bands)
    kept_with: dict[tuple[int, int], list[int]] = {}
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    found = NearDuplicates()
    for document in order[repeated[order].any(axis=1)].tolist():
        keys = [(band, int(bands[document, band])) for band in np.flatnonzero(repeated[document]).tolist()]
        candidates = sorted({other for key in keys for other in kept_with.get(key, ())}, key=lambda other: place[other])
        if (best := _closest(document, candidates, files, settings, found)) is not None:
            found.similarity[document], found.kept[document] = best
        else:
            for key in keys:
                kept_with.setdefault(key, []).append(document)
    return found


def _closest(
    document: int, candidates: list[int], files: ShingleFiles, settings: NearDuplicateSettings, found: NearDuplicates
) -> tuple[float, int] | None:
    """Return the similarity and index of the most similar candidate that reaches the threshold."""
    length = files.lengths[document]
    possible = [
        other
        for other in candidates
        if min(length, files.lengths[other]) >= settings.threshold * max(length, files.lengths[other])
    ]
    found.truncated += len(possible) > settings.max_candidates
    best: tuple[float, int] | None = None
    for other in possible[: settings.max_candidates]:
        found.compared += 1
        similarity = jaccard(files[document], files[other])
        if similarity >= settings.threshold and (best is None or similarity > best[0]):
            best = (similarity, other)
    return best


def repeated_keys(bands: U64Array) -> npt.NDArray[np.bool_]:
    """Return which keys [documents, bands] occur in more than one document."""
    repeated = np.zeros(bands.shape, dtype=np.bool_)
    for band in range(bands.shape[1]):
        _, inverse, counts = np.unique(bands[:, band], return_inverse=True, return_counts=True)
        repeated[:, band] = counts[inverse] > 1
    return repeated
