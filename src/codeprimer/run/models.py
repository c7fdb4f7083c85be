"""Imports and exports checkpoints, in the layout that transformers and vLLM load.

The target folder appears only when it is complete.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

from codeprimer.core.artifact import make_once, out_of_space
from codeprimer.core.documents import MODELS
from codeprimer.core.errors import UserError
from codeprimer.core.extras import require_torch
from codeprimer.run.folder import RunFolder

Dtype = Literal["float32", "bfloat16", "float16"]

_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
    "added_tokens.json",
    "special_tokens_map.json",
)


def import_model(source: Path, target: Path, dtype: Dtype = "float32") -> str:
    """Write a Phi checkpoint in any layout as a codeprimer checkpoint; return a line about it.

    Raises UserError if it cannot be read or the target exists, MissingExtraError if torch is not installed.
    """
    require_torch("reading a model")
    from codeprimer.model.layouts import load_any

    _check_target(target)
    model, config = load_any(source)
    _write(model, source, target, dtype)
    line = f"{model.parameter_count():,} parameters, {config.layers} layers of {config.hidden_size}, context {config.context}"
    if not (target / "tokenizer.json").exists():
        line += f"; {source} has no tokenizer.json; copy one into {target} before you generate text"
    return line


def export_model(run: RunFolder, name: str, target: Path, dtype: Dtype = "float32") -> str:
    """Write one of a run's models into a new folder; return a line about it.

    Raises UserError if the model is unknown or the target exists, MissingExtraError if torch is not installed.
    """
    if name not in MODELS:
        raise UserError(f"{name}: no such model; choose one of {', '.join(MODELS)}")
    require_torch("reading a model")
    from codeprimer.model.checkpoint import load

    _check_target(target)
    if target.resolve().is_relative_to(run.store.root.resolve()):
        raise UserError(f"{target} is in the store, which never changes; name a folder elsewhere")
    source = run.artifact(name).path
    model, _ = load(source)
    _write(model, source, target, dtype)
    return f"{model.parameter_count():,} parameters in {dtype}"


def _write(model: object, source: Path, target: Path, dtype: Dtype) -> None:
    import torch

    from codeprimer.model.checkpoint import save_weights
    from codeprimer.model.phi import Phi

    assert isinstance(model, Phi)

    def make(folder: Path) -> None:
        for name in _TOKENIZER_FILES:
            if (source / name).is_file():
                shutil.copyfile(source / name, folder / name)
        save_weights(folder, model, getattr(torch, dtype))

    with out_of_space(target.parent):
        if target.exists():
            target.rmdir()  # an empty folder
        make_once(target, make)


def _check_target(target: Path) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(f"{target} already exists; name a new folder")
