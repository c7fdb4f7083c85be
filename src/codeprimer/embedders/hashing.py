"""The built-in embedder: hashes words and pairs of adjacent words into buckets, and counts them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from codeprimer.analysis.words import mix, word_hashes
from codeprimer.core.plugins import PluginSettings
from codeprimer.embedders.embedder import Embedder, Matrix

_PAIR_FACTORS = (np.uint64(0x9FB21C651E98DF25), np.uint64(0xD6E8FEB86659FD93))


class HashingSettings(PluginSettings):
    """How words are hashed."""

    bucket_bits: int = Field(
        default=14, ge=8, le=20, description="Words and word pairs are hashed into 2**bucket_bits buckets."
    )


class HashingEmbedder(Embedder):
    """Counts words and word pairs; returns the raw counts as a sparse matrix [texts, 2**bucket_bits]."""

    Settings = HashingSettings
    in_workers: ClassVar[bool] = True

    def __init__(self, settings: HashingSettings) -> None:
        super().__init__(settings)
        self._buckets = 1 << settings.bucket_bits

    @property
    def about(self) -> str:
        """A phrase for the report that describes the vectors."""
        return f"words and pairs of words hashed into {self._buckets:,} buckets"

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return the counts [texts, buckets]."""
        from scipy.sparse import csr_matrix

        rows = [np.unique(self._bucket_of_each_term(text), return_counts=True) for text in texts]
        buckets = np.concatenate([buckets for buckets, _ in rows])
        counts = np.concatenate([counts for _, counts in rows]).astype(np.float32)
        starts = np.cumsum([0, *(len(buckets) for buckets, _ in rows)])
        return csr_matrix((counts, buckets, starts), shape=(len(texts), self._buckets))

    def _bucket_of_each_term(self, text: str) -> npt.NDArray[np.int32]:
        words = word_hashes(text.encode("utf-8", "surrogatepass"))
        pairs = mix(words[:-1] * _PAIR_FACTORS[0] + words[1:] * _PAIR_FACTORS[1])
        return (np.concatenate([words, pairs]) & np.uint64(self._buckets - 1)).astype(np.int32)
