"""The embedder interface: an embedder turns each text into one vector."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from codeprimer.core.errors import PluginError
from codeprimer.core.plugins import Plugin

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Matrix: TypeAlias = "npt.NDArray[np.float32] | csr_matrix"
"""Vectors [texts, dim], float32; a sparse matrix is suitable for counts of many terms."""


class Embedder(Plugin):
    """Turns texts into vectors.

    An embedder is stateless: equal texts give equal vectors in any batch and any process. An instance is created whenever
    ids are computed, so load large models on the first call of ``embed``.
    """

    role: ClassVar[str] = "embedder"

    @property
    def about(self) -> str:
        """A phrase for the report that describes the vectors."""
        return f"vectors of the embedder {self.settings.kind}"

    @abstractmethod
    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return the vectors [texts, dim] of at least one text."""


def embed(embedder: Embedder, texts: Sequence[str]) -> Matrix:
    """Return the vectors [texts, dim] of at least one text. Raises PluginError if the embedder violates its interface."""
    vectors = embedder.embed(texts)
    if fault := _fault(vectors, len(texts)):
        raise PluginError(
            f"embedder {embedder.settings.kind!r} ({type(embedder).__module__}) returned {fault}; embed must return a float32 "
            f"NumPy array or scipy.sparse.csr_matrix with one row per text"
        )
    return vectors


def _fault(vectors: Any, rows: int) -> str:
    """Return what is wrong with an embedder's result; an empty string if it is a matrix with ``rows`` finite rows."""
    from scipy.sparse import issparse

    if not (isinstance(vectors, np.ndarray) or (issparse(vectors) and vectors.format == "csr")):
        return type(vectors).__name__
    if vectors.ndim != 2 or vectors.shape[0] != rows:
        return f"an array of shape {vectors.shape} for {rows} texts"
    if vectors.dtype != np.float32:
        return f"{vectors.dtype} values"
    values = vectors if isinstance(vectors, np.ndarray) else vectors.data
    return "" if np.isfinite(values).all() else "values that are not finite"
