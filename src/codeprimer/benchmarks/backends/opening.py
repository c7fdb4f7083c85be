"""Opens a checkpoint with the matching backend: codeprimer's own model for its own checkpoints, transformers for others.

If a backend is requested by name, no other backend is tried.
"""

from __future__ import annotations

from pathlib import Path

from codeprimer.benchmarks.backends.phi import PhiBackend
from codeprimer.benchmarks.backends.transformers import TransformersBackend
from codeprimer.core.errors import UserError


def open_model(folder: Path, backend: str = "auto") -> PhiBackend | TransformersBackend:
    """Return the model in a folder; ``backend`` is ``auto``, ``codeprimer`` or ``transformers``.

    Raises UserError if there is no checkpoint that the backend can read.
    """
    if backend == "transformers" or (backend == "auto" and not _is_ours(folder)):
        return TransformersBackend(folder)
    return PhiBackend(folder)


def _is_ours(folder: Path) -> bool:
    """Return whether the configuration and the tokenizer belong to a codeprimer checkpoint."""
    from codeprimer.model.config import read_config
    from codeprimer.model.tokenizer import Tokenizer

    try:
        read_config(folder)
        Tokenizer.load(folder)
    except UserError:
        return False
    return True
