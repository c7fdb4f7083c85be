"""Cut a training set into sequences: epoch after epoch, each cut and put in order anew.

Reads packed tokens, writes nothing. Its one idea: the n-th sequence of a set is a pure function of the seed and n. A
set is cut in one of two ways: stretches of its stream, wherever they begin, or whole documents side by side.
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
from codeprimer.training.arrangement import Arrange, shuffled

Roles = NDArray[np.uint8]

ANSWER, PROMPT, FILLING = 0, 1, 2
"""What a token is: text to learn, a task that is given, or nothing."""

NEAR = 256
"""So many documents ahead a sequence looks for one that fits."""


@dataclass(frozen=True)
class Window:
    """One sequence: its ids, and what each of them is."""

    ids: Ids
    roles: Roles


class Epoch(Protocol):
    """One passage through a set."""

    def __len__(self) -> int:
        """Return the number of sequences."""

    def read(self, number: int) -> Window:
        """Return one sequence."""

    def seen(self, numbers: range) -> NDArray[np.int64]:
        """Return how many tokens of each document are targets of these sequences."""


class Windows:
    """The endless sequences of one training set; each holds ``length`` tokens."""

    def __init__(
        self, packed: PackedSet, length: int, whole_documents: bool, seed: int, arrange: Arrange = shuffled
    ) -> None:
        """Prepare the cut; ``length`` is the model's context plus one, for the last target.

        ``arrange`` says in which order sequences, or whole documents, come in every epoch; how they are cut, it does not
        change. Raises UserError when the set does not fill a single sequence.
        """
        self.packed, self.length, self.seed = packed, length, seed
        self._arrange = arrange
        self._kind = DocumentEpoch if whole_documents else StreamEpoch
        self._epoch = lru_cache(maxsize=2)(self._make_epoch)
        self._firsts = [0]
        if not len(self._epoch(0)):
            raise UserError(
                f"the training set {packed.name!r} has {packed.tokens} tokens, too few for a sequence of {length}; "
                "give it more documents or take it out of the phase's mixture"
            )

    def get(self, number: int) -> Window:
        """Return the ``number``-th sequence [length]."""
        epoch = self._epoch_of(number)
        return self._epoch(epoch).read(number - self._firsts[epoch])

    def epochs(self, sequences: int) -> float:
        """Return how often the set has been gone through after so many sequences."""
        epoch = self._epoch_of(sequences)
        return epoch + (sequences - self._firsts[epoch]) / len(self._epoch(epoch))

    def seen(self, numbers: range) -> NDArray[np.int64]:
        """Return how many tokens of each document are targets of these sequences, all epochs added."""
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
        return self._kind(self.packed, self.length, generator, self._arrange)

    def _epoch_of(self, number: int) -> int:
        while number >= self._firsts[-1]:
            self._firsts.append(self._firsts[-1] + len(self._epoch(len(self._firsts) - 1)))
        return int(np.searchsorted(self._firsts, number, side="right")) - 1


class StreamEpoch:
    """Stretches that follow each other without a gap, put in order; where the first begins changes each time."""

    def __init__(self, packed: PackedSet, length: int, generator: np.random.Generator, arrange: Arrange) -> None:
        self._packed = packed
        self._shards = packed.shards
        self._length = length
        step = length - 1  # the last token of a sequence is only a target; it is the next one's first input
        room = [len(shard) - length for shard in packed.shards]
        self._offsets = [int(generator.integers(min(step, spare + 1))) if spare >= 0 else 0 for spare in room]
        counts = [
            (spare - offset) // step + 1 if spare >= 0 else 0 for spare, offset in zip(room, self._offsets, strict=True)
        ]
        self._firsts = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
        self._order = arrange(int(self._firsts[-1]), generator)

    def __len__(self) -> int:
        return len(self._order)

    def read(self, number: int) -> Window:
        """Return one stretch; all of it is text to learn."""
        shard, start = self._place(int(self._order[number]))
        return Window(self._shards[shard][start : start + self._length], np.zeros(self._length, np.uint8))

    def seen(self, numbers: range) -> NDArray[np.int64]:
        """Return how many tokens of each document are targets of these sequences."""
        places = [self._place(place) for place in self._order[numbers.start : numbers.stop].tolist()]
        seen = np.zeros(self._packed.documents, np.int64)
        for shard in range(len(self._shards)):
            starts = np.array(sorted(start for number, start in places if number == shard), np.int64)
            mine = self._packed.shard_of == shard
            begin = self._packed.start_of[mine]
            end = begin + self._packed.length_of[mine]
            step = self._length - 1
            seen[mine] = covered(starts + 1, step, end) - covered(starts + 1, step, begin)
        return seen

    def _place(self, stretch: int) -> tuple[int, int]:
        """Return the file and the start of a stretch."""
        shard = int(np.searchsorted(self._firsts, stretch, side="right")) - 1
        return shard, self._offsets[shard] + (stretch - int(self._firsts[shard])) * (self._length - 1)


class DocumentEpoch:
    """Whole documents, as many as fit into each sequence; what stays empty is filled with end-of-text tokens.

    Documents are put in order. Of the next few hundred, a sequence takes the first, and then again and again the
    longest that still fits, so that little stays empty. One that is longer than a sequence is alone in it and cut.
    """

    def __init__(self, packed: PackedSet, length: int, generator: np.random.Generator, arrange: Arrange) -> None:
        self._packed = packed
        self._length = length
        order = arrange(packed.documents, generator)
        chosen, self._firsts = fill(packed.length_of[order].tolist(), length)
        self._documents = order[chosen]

    def __len__(self) -> int:
        return len(self._firsts) - 1

    def read(self, number: int) -> Window:
        """Return one sequence."""
        documents = self._documents[self._firsts[number] : self._firsts[number + 1]].tolist()
        ids = np.concatenate([self._packed.document(document) for document in documents])[: self._length]
        roles = np.concatenate([self._roles(document) for document in documents])[: self._length]
        missing = self._length - len(ids)
        end_of_text = self._packed.document(documents[0])[-1]
        return Window(
            np.concatenate([ids, np.full(missing, end_of_text, ids.dtype)]),
            np.concatenate([roles, np.full(missing, FILLING, np.uint8)]),
        )

    def _roles(self, document: int) -> Roles:
        roles = np.full(self._packed.length_of[document], ANSWER, np.uint8)
        roles[: self._packed.prompt_of[document]] = PROMPT
        return roles

    def seen(self, numbers: range) -> NDArray[np.int64]:
        """Return how many tokens of each document are targets of these sequences."""
        documents = self._documents[self._firsts[numbers.start] : self._firsts[numbers.stop]]
        seen = np.zeros(self._packed.documents, np.int64)
        seen[documents] = np.minimum(self._packed.length_of[documents], self._length)
        seen[self._documents[self._firsts[numbers.start : numbers.stop]]] -= (
            1  # the first token of a sequence is only an input
        )
        return seen


def fill(lengths: list[int], room: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Distribute documents of these lengths over sequences of a size; sequences come in the order of their firsts.

    Returns the documents, sequence after sequence, and where each sequence's begin, with the end of the last.
    """
    chosen: list[int] = []
    firsts = [0]
    near: list[tuple[int, int]] = []  # of the next documents (length, -number), sorted
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
    """Return how many tokens before each position lie in windows of a length, overlaps counted; ``starts`` ascend."""
    whole = np.searchsorted(starts, positions - length, side="right")
    begun = np.searchsorted(starts, positions, side="left")
    sums = np.concatenate(([0], np.cumsum(starts)))
    counts: NDArray[np.int64] = whole * length + (begun - whole) * positions - (sums[begun] - sums[whole])
    return counts
