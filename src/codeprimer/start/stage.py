"""The start stage: import a model and its tokenizer.

Reads a folder; writes a checkpoint in Hugging Face layout (float32) with ``tokenizer.json``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import xxhash

from codeprimer.core.artifact import Artifact, Workspace, file_digest
from codeprimer.core.errors import RecipeError, UserError
from codeprimer.core.extras import require_torch
from codeprimer.core.stage import Stage, Stats, Tools
from codeprimer.model.config import CONFIG_FILE, PhiConfig
from codeprimer.model.packed import MOST_IDS
from codeprimer.model.tokenizer import TOKENIZER_FILE, Tokenizer
from codeprimer.start.settings import StartSettings

_WEIGHTS_FILE = "model.safetensors"


class StartStage(Stage[StartSettings]):
    """Imports a folder as a model that training can start from."""

    name = "start"
    number = 6
    version = 1
    Settings = StartSettings
    default = False
    needs_torch = True
    outside = "the model's files"
    seeded = False

    def reads_outside(self, settings: StartSettings, tools: Tools) -> str:
        """Return a digest of the model's files. Raises RecipeError if one is missing."""
        digest = xxhash.xxh3_128()
        for name in (CONFIG_FILE, TOKENIZER_FILE, _WEIGHTS_FILE):
            path = settings.path / name
            if not path.is_file():
                raise RecipeError(
                    f"start.path: {path} does not exist; give the folder of a model with its {TOKENIZER_FILE}, as "
                    "`codeprimer import-model` writes it"
                )
            digest.update(f"{name} {file_digest(path)}\n".encode())
        return digest.hexdigest()

    def run(self, settings: StartSettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        """Write the checkpoint.

        Raises MissingExtraError without torch, RecipeError if model and tokenizer cannot be read, do not match, or have too
        many tokens for training.
        """
        require_torch("starting from a model")
        from codeprimer.model.checkpoint import load, save_model

        try:
            tokenizer = Tokenizer.load(settings.path)
            model, config = load(settings.path)
        except UserError as error:
            raise RecipeError(f"start.path: {error}") from None
        check_fit(tokenizer, config, settings.path)
        save_model(out.path, model, tokenizer)
        facts = {
            "parameters": model.parameter_count(),
            "layers": config.layers,
            "hidden": config.hidden_size,
            "context": config.context,
            "vocabulary": tokenizer.vocab_size,
        }
        line = f"{facts['parameters']:,} parameters, {config.layers} layers of {config.hidden_size}, context {config.context}"
        return Stats(f"{line}, vocabulary of {tokenizer.vocab_size:,}", facts)


def check_fit(tokenizer: Tokenizer, config: PhiConfig, folder: Path) -> None:
    """Raise RecipeError if a tokenizer does not match its model, or has more tokens than packed files can store."""
    if tokenizer.vocab_size > MOST_IDS:
        raise RecipeError(
            f"start.path: the tokenizer of {folder} has {tokenizer.vocab_size:,} tokens, but training supports at most "
            f"{MOST_IDS:,} (two bytes each); use a model with a smaller vocabulary"
        )
    if tokenizer.vocab_size > config.vocab_size:
        raise RecipeError(
            f"start.path: the tokenizer of {folder} has {tokenizer.vocab_size:,} tokens, but its model has only "
            f"{config.vocab_size:,}; put the model's own {TOKENIZER_FILE} there"
        )
    if tokenizer.end_of_text != config.end_of_text:
        raise RecipeError(
            f"start.path: the end-of-text token of {folder} is {tokenizer.end_of_text} in the tokenizer, but "
            f"{config.end_of_text} in the model (eos_token_id in {CONFIG_FILE}); put the model's own {TOKENIZER_FILE} there"
        )
