"""Packed tokens: the ids of many documents in a few flat files, with an index of the documents.

Writes and reads ``<set>-00000.bin`` (little-endian uint16) and the ``index`` table. Key idea: each document is followed by one
end-of-text token and is contiguous in one file, so any span is a slice of a memory map. Does not need torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np
from numpy.typing import NDArray

from codeprimer.core.artifact import Artifact
from codeprimer.core.documents import TOKEN_INDEX, TokenSpan
from codeprimer.core.shards import TableWriter, read_batches

Ids = NDArray[np.uint16]

INDEX = "index"
MOST_IDS = 2**16
SHARD_TOKENS = 32 * 2**20
"""A file holds at most 64 MB."""


class PackedWriter:
    """Writes the documents of one training set to files, and their spans to the index."""

    def __init__(self, folder: Path, name: str, index: TableWriter, shard_tokens: int = SHARD_TOKENS) -> None:
        assert index.schema.equals(TOKEN_INDEX)
        self.tokens = 0
        self.documents = 0
        self._folder, self._name, self._index, self._shard_tokens = folder, name, index, shard_tokens
        self._shard = -1
        self._used = 0
        self._file: IO[bytes] | None = None

    def write(self, doc_id: str, ids: Ids, prompt: int = 0) -> None:
        """Append one document; ``ids`` end with the end-of-text token, and the first ``prompt`` of them are the prompt.

        A document is never split between files.
        """
        if self._file is None or (self._used and self._used + len(ids) > self._shard_tokens):
            self._open_next()
        assert self._file is not None
        self._file.write(ids.astype("<u2", copy=False).tobytes())
        self._index.write(
            TokenSpan(
                doc_id=doc_id,
                training_set=self._name,
                shard=self._shard,
                start=self._used,
                length=len(ids),
                prompt=prompt,
            )
        )
        self._used += len(ids)
        self.tokens += len(ids)
        self.documents += 1

    def _open_next(self) -> None:
        if self._file is not None:
            self._file.close()
        self._shard += 1
        self._used = 0
        self._file = shard_path(self._folder, self._name, self._shard).open("wb")

    def __enter__(self) -> PackedWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()


@dataclass(frozen=True)
class PackedSet:
    """The documents of one training set, in the order of the index."""

    name: str
    shards: tuple[Ids, ...]
    """One memory map per file."""
    shard_of: NDArray[np.int32]
    """The file of each document."""
    start_of: NDArray[np.int64]
    """The offset of each document in its file [tokens]."""
    length_of: NDArray[np.int64]
    """The length of each document [tokens], including its end-of-text token."""
    prompt_of: NDArray[np.int64]
    """The length of each document's prompt [tokens]."""

    @property
    def tokens(self) -> int:
        """The number of tokens in the set."""
        return int(self.length_of.sum())

    @property
    def documents(self) -> int:
        """The number of documents."""
        return len(self.length_of)

    def document(self, number: int) -> Ids:
        """Return the ids of one document, including its end-of-text token."""
        start = self.start_of[number]
        ids: Ids = self.shards[self.shard_of[number]][start : start + self.length_of[number]]
        return ids


def shard_path(folder: Path, name: str, shard: int) -> Path:
    """Return the path of one file of a set."""
    return folder / f"{name}-{shard:05d}.bin"


def open_packed(artifact: Artifact, name: str) -> PackedSet:
    """Open one training set of a tokens artefact; only a few numbers per document are kept in memory.

    For a set without documents, the result is empty; this is not an error.
    """
    columns = [np.concatenate(parts) for parts in zip(*_places(artifact, name), strict=True)]
    shard_of, start_of, length_of, prompt_of = columns if columns else [np.zeros(0, np.int64)] * 4
    shards = tuple(
        np.memmap(shard_path(artifact.path, name, shard), dtype="<u2", mode="r")
        for shard in range(int(shard_of.max()) + 1 if len(shard_of) else 0)
    )
    places = (numbers.astype(np.int64) for numbers in (start_of, length_of, prompt_of))
    return PackedSet(name, shards, shard_of.astype(np.int32), *places)


def packed_sets(artifact: Artifact) -> list[str]:
    """Return the names of the training sets that have files, sorted."""
    return sorted({path.name.rsplit("-", 1)[0] for path in artifact.path.glob("*-*.bin")})


def _places(artifact: Artifact, name: str) -> Iterator[list[NDArray[np.int64]]]:
    columns = ["training_set", "shard", "start", "length", "prompt"]
    for batch in read_batches(artifact.table(INDEX), columns, batch_rows=65_536):
        mine = np.asarray(batch.column("training_set").to_pylist(), dtype=object) == name
        if mine.any():
            yield [batch.column(column).to_numpy()[mine] for column in columns[1:]]
