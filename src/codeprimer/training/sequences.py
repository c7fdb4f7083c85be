"""Cut a training set into sequences, with a new cut and a new order in every epoch.

Reads packed tokens; writes nothing. Key idea: the n-th sequence of a set is a pure function of the seed and n. A set is cut in
one of two ways: into contiguous spans of its token stream, or into groups of whole documents.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from codeprimer.core.errors import UserError
from codeprimer.core.seeds import numpy_random
from codeprimer.model.packed import Ids, PackedSet
from codeprimer.training.permutation import Permute, shuffled

Roles = NDArray[np.uint8]

ANSWER, PROMPT, FILLING = 0, 1, 2
"""The role of a token: text to learn, a given prompt, or padding."""

NEAR = 256
"""Packing look-ahead [documents]."""


@dataclass(frozen=True)
class TokenSequence:
    """One sequence: its ids and their roles."""

    ids: Ids
    roles: Roles


class Epoch(Protocol):
    """One epoch over a set."""

    def __len__(self) -> int:
        """Return the number of sequences."""

    def read(self, number: int) -> TokenSequence:
        """Return one sequence."""

    def seen(self, numbers: range) -> NDArray[np.int64]:
        """Return, for each document, the number of its tokens that are targets in these sequences."""


class SequenceSampler:
    """The endless series of sequences from one training set; each has ``length`` tokens."""

    def __init__(
        self, packed: PackedSet, length: int, whole_documents: bool, seed: int, permute: Permute = shuffled
    ) -> None:
        """``length`` is the model's context plus one, for the last target.

        ``permute`` orders the sequences, or whole documents, in every epoch; it does not affect where spans are cut. Raises
        UserError if the set does not fill a single sequence.
        """
        self.packed, self.length, self.seed = packed, length, seed
        self._permute = permute
        self._kind = DocumentEpoch if whole_documents else SpanEpoch
        self._epoch = lru_cache(maxsize=2)(self._make_epoch)
        self._firsts = [0]
        if not len(self._epoch(0)):
            raise UserError(
                f"the training set {packed.name!r} has {packed.tokens} tokens, too few for a sequence of {length}; "
                "add documents to it or remove it from the phase's mixture"
            )

    def get(self, number: int) -> TokenSequence:
        """Return the ``number``-th sequence [length]."""
        epoch = self._epoch_of(number)
        return self._epoch(epoch).read(number - self._firsts[epoch])

    def epochs(self, sequences: int) -> float:
        """Return the number of epochs that this many sequences amount to."""
        epoch = self._epoch_of(sequences)
        return epoch + (sequences - self._firsts[epoch]) / len(self._epoch(epoch))

    def seen(self, numbers: range) -> NDArray[np.int64]:
        """Return, for each document, the number of its tokens that are targets in these sequences, over all epochs."""
        total = np.zeros(self.packed.documents, np.int64)
        start = numbers.start
        while start < numbers.stop:
            epoch = self._epoch_of(start)
            first = self._firsts[epoch]
            stop = min(numbers.stop, first + len(self._epoch(epoch)))
            total += self._epoch(epoch).seen(range(start - first, stop - first))
            start = stop
        return total

    def _make_epoch(self, number: int) -> Epoch:
        generator = numpy_random(self.seed, "windows", self.packed.name, number)
        return self._kind(self.packed, self.length, generator, self._permute)

    def _epoch_of(self, number: int) -> int:
        while number >= self._firsts[-1]:
            self._firsts.append(self._firsts[-1] + len(self._epoch(len(self._firsts) - 1)))
        return int(np.searchsorted(self._firsts, number, side="right")) - 1


class SpanEpoch:
    """Contiguous spans without gaps; the first span's offset is random in each epoch."""

    def __init__(self, packed: PackedSet, length: int, generator: np.random.Generator, permute: Permute) -> None:
        self._packed = packed
        self._shards = packed.shards
        self._length = length
        step = length - 1  # the last token of a sequence is only a target; it is the next sequence's first input
        room = [len(shard) - length for shard in packed.shards]
        self._offsets = [int(generator.integers(min(step, spare + 1))) if spare >= 0 else 0 for spare in room]
        counts = [
            (spare - offset) // step + 1 if spare >= 0 else 0 for spare, offset in zip(room, self._offsets, strict=True)
        ]
        self._firsts = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
        self._order = permute(int(self._firsts[-1]), generator)

    def __len__(self) -> int:
        return len(self._order)

    def read(self, number: int) -> TokenSequence:
        """Return one span; all of it is text to learn."""
        shard, start = self._locate(int(self._order[number]))
        return TokenSequence(self._shards[shard][start : start + self._length], np.zeros(self._length, np.uint8))

    def seen(self, numbers: range) -> NDArray[np.int64]:
        """Return, for each document, the number of its tokens that are targets in these sequences."""
        places = [self._locate(span) for span in self._order[numbers.start : numbers.stop].tolist()]
        seen = np.zeros(self._packed.documents, np.int64)
        for shard in range(len(self._shards)):
            starts = np.array(sorted(start for number, start in places if number == shard), np.int64)
            mine = self._packed.shard_of == shard
            begin = self._packed.start_of[mine]
            end = begin + self._packed.length_of[mine]
            step = self._length - 1
            seen[mine] = covered(starts + 1, step, end) - covered(starts + 1, step, begin)
        return seen

    def _locate(self, span: int) -> tuple[int, int]:
        """Return the shard and the start of a span."""
        shard = int(np.searchsorted(self._firsts, span, side="right")) - 1
        return shard, self._offsets[shard] + (span - int(self._firsts[shard])) * (self._length - 1)


class DocumentEpoch:
    """Whole documents, as many as fit in each sequence, padded with end-of-text tokens.

    Packing is best-fit with look-ahead: a sequence takes the next document in order, then repeatedly the longest of the next
    few hundred that still fits. A document longer than a sequence gets a sequence of its own and is truncated.
    """

    def __init__(self, packed: PackedSet, length: int, generator: np.random.Generator, permute: Permute) -> None:
        self._packed = packed
        self._length = length
        order = permute(packed.documents, generator)
        chosen, self._firsts = fill(packed.length_of[order].tolist(), length)
        self._documents = order[chosen]

    def __len__(self) -> int:
        return len(self._firsts) - 1

    def read(self, number: int) -> TokenSequence:
        """Return one sequence."""
        documents = self._documents[self._firsts[number] : self._firsts[number + 1]].tolist()
        ids = np.concatenate([self._packed.document(document) for document in documents])[: self._length]
        roles = np.concatenate([self._roles(document) for document in documents])[: self._length]
        missing = self._length - len(ids)
        end_of_text = self._packed.document(documents[0])[-1]
        return TokenSequence(
            np.concatenate([ids, np.full(missing, end_of_text, ids.dtype)]),
            np.concatenate([roles, np.full(missing, FILLING, np.uint8)]),
        )

    def _roles(self, document: int) -> Roles:
        roles = np.full(self._packed.length_of[document], ANSWER, np.uint8)
        roles[: self._packed.prompt_of[document]] = PROMPT
        return roles

    def seen(self, numbers: range) -> NDArray[np.int64]:
        """Return, for each document, the number of its tokens that are targets in these sequences."""
        documents = self._documents[self._firsts[numbers.start] : self._firsts[numbers.stop]]
        seen = np.zeros(self._packed.documents, np.int64)
        seen[documents] = np.minimum(self._packed.length_of[documents], self._length)
        seen[self._documents[self._firsts[numbers.start : numbers.stop]]] -= (
            1  # the first token of a sequence is only an input
        )
        return seen


def fill(lengths: list[int], room: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pack documents of these lengths into sequences of ``room`` tokens, in the order of their first documents.

    Returns the documents' numbers, sequence by sequence, and the offset at which each sequence begins, followed by the end of
    the last sequence.
    """
    chosen: list[int] = []
    firsts = [0]
    near: list[tuple[int, int]] = []  # (length, -number) of the next documents, sorted
    taken = bytearray(len(lengths))
    coming = 0
    for first, length in enumerate(lengths):
        if taken[first]:
            continue
        while coming < min(first + NEAR, len(lengths)):
            insort(near, (lengths[coming], -coming))
            coming += 1
        place, left = bisect_left(near, (length, -first)), room
        while place >= 0:
            length, negative = near.pop(place)
            chosen.append(-negative)
            taken[-negative] = True
            left -= length
            place = bisect_right(near, (left, 0)) - 1
        firsts.append(len(chosen))
    return np.array(chosen, np.int64), np.array(firsts, np.int64)


def covered(starts: NDArray[np.int64], length: int, positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many tokens before each position lie in spans of ``length`` tokens, counting a token once for each span
    that covers it; ``starts`` must ascend."""
    whole = np.searchsorted(starts, positions - length, side="right")
    begun = np.searchsorted(starts, positions, side="left")
    sums = np.concatenate(([0], np.cumsum(starts)))
    counts: NDArray[np.int64] = whole * length + (begun - whole) * positions - (sums[begun] - sums[whole])
    return counts
