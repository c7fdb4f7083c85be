"""Whose model a folder holds.

Reads a checkpoint's folder. One idea: what is ours is answered by ours, everything else by ``transformers``, unless one
of the two is asked for by name.
"""

from __future__ import annotations

from pathlib import Path

from codeprimer.benchmarks.answering import PhiAnswerer
from codeprimer.benchmarks.causal import TransformersAnswerer
from codeprimer.core.errors import UserError


def open_model(folder: Path, backend: str = "auto") -> PhiAnswerer | TransformersAnswerer:
    """Return the model in a folder: ours where it is one of ours, else whatever ``transformers`` makes of it.

    ``backend`` may insist on one of them: ``codeprimer`` or ``transformers``. Raises UserError where there is no
    checkpoint, or none of that kind.
    """
    from codeprimer.model.config import CONFIG_FILE

    if not (folder / CONFIG_FILE).is_file():
        raise UserError(f"{folder} holds no {CONFIG_FILE}, so it is no checkpoint; give a run, a checkpoint or a file")
    if backend == "transformers":
        return TransformersAnswerer(folder)
    if backend == "auto" and not _is_ours(folder):
        return TransformersAnswerer(folder)
    return PhiAnswerer(folder)


def _is_ours(folder: Path) -> bool:
    """Return whether a folder says that it holds one of ours; whether its weights are whole is another question."""
    from codeprimer.model.config import read_config
    from codeprimer.model.tokenizer import Tokenizer

    try:
        read_config(folder)
        Tokenizer.load(folder)
    except UserError:
        return False
    return True
