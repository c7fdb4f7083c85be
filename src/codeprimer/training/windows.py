"""Cut a training set into sequences: epoch after epoch, each in its own seeded order.

Reads packed tokens, writes nothing. Its one idea: the n-th sequence of a set is a pure function of the seed and n. A
set is cut in one of two ways: any stretch of its stream, or sequences that begin where a document begins.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from codeprimer.core.errors import UserError
from codeprimer.core.seeds import numpy_random
from codeprimer.model.packed import Ids, PackedSet


class Windows:
    """The endless sequences of one training set; each holds ``length`` tokens."""

    def __init__(self, packed: PackedSet, length: int, whole_documents: bool, seed: int) -> None:
        """Prepare the cut; ``length`` is the model's context plus one, for the last target.

        Raises UserError when the set does not fill a single sequence.
        """
        self.packed, self.length, self.seed = packed, length, seed
        self._cut = self._cut_at_documents if whole_documents else self._cut_anywhere
        self._epoch = lru_cache(maxsize=2)(self._cut)
        self._firsts = [0]
        if not self._size(0):
            raise UserError(
                f"the training set {packed.name!r} has {packed.tokens} tokens, too few for one sequence of {length}; give "
                "it more documents or take it out of training's mixture"
            )

    def get(self, number: int) -> Ids:
        """Return the ``number``-th sequence [length]."""
        epoch = self._epoch_of(number)
        return self._read(self._epoch(epoch)[number - self._firsts[epoch]])

    def epochs(self, sequences: int) -> float:
        """Return how often the set has been gone through after so many sequences."""
        epoch = self._epoch_of(sequences)
        return epoch + (sequences - self._firsts[epoch]) / self._size(epoch)

    def _epoch_of(self, number: int) -> int:
        while number >= self._firsts[-1]:
            self._firsts.append(self._firsts[-1] + self._size(len(self._firsts) - 1))
        return int(np.searchsorted(self._firsts, number, side="right")) - 1

    def _size(self, epoch: int) -> int:
        return len(self._epoch(epoch))
