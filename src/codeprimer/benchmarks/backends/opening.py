"""Opening a checkpoint with the backend that fits: codeprimer's own checkpoints with its own model, others with transformers.

A backend that is asked for by name is used or refused.
"""

from __future__ import annotations

from pathlib import Path

from codeprimer.benchmarks.backends.phi import PhiBackend
from codeprimer.benchmarks.backends.transformers import TransformersBackend
from codeprimer.core.errors import UserError


def open_model(folder: Path, backend: str = "auto") -> PhiBackend | TransformersBackend:
    """Return the model in a folder; ``backend`` is ``auto``, ``codeprimer`` or ``transformers``.

    Raises UserError where there is no checkpoint, or none that the backend reads.
    """
    if backend == "transformers" or (backend == "auto" and not _is_ours(folder)):
        return TransformersBackend(folder)
    return PhiBackend(folder)


def _is_ours(folder: Path) -> bool:
    """Return whether the configuration and the tokenizer are those of a checkpoint of codeprimer."""
    from codeprimer.model.config import read_config
    from codeprimer.model.tokenizer import Tokenizer

    try:
        read_config(folder)
        Tokenizer.load(folder)
    except UserError:
        return False
    return True
