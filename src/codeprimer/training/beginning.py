"""The initial model of a training run.

Reads the "start" and "adapter" artefacts if a run has them. Key idea: mismatches between the model, the tokenizer and the
recipe are found before the first step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from codeprimer.core.artifact import Artifact
from codeprimer.core.errors import RecipeError
from codeprimer.core.seeds import derive_seed
from codeprimer.model.checkpoint import load
from codeprimer.model.lora import ADAPTER, TARGETS, AdaptedPhi, LoraConfig, load_adapter, read_lora
from codeprimer.model.phi import Phi
from codeprimer.model.tokenizer import Tokenizer
from codeprimer.training.settings import NO_MUON_FOR_ADAPTERS, NOTHING_TO_ADAPT, LoraSettings, TrainingSettings


def first_model(settings: TrainingSettings, inputs: Mapping[str, Artifact], tokenizer: Tokenizer, seed: int) -> Phi:
    """Return the initial model: the "start" input if there is one, else random weights; with adapters, the weights are frozen.

    The adapters are those of the "adapter" input if there is one, else new adapters whose output is zero. Raises RecipeError if
    settings and inputs do not match.
    """
    if "start" in inputs:
        model = _started(settings, inputs["start"], tokenizer)
        return _adapted(settings, model, inputs.get("adapter"), seed) if settings.lora.rank else model
    if settings.lora.rank:
        raise RecipeError(f"training.lora.rank: {NOTHING_TO_ADAPT}")
    config = settings.model.config(tokenizer.vocab_size, tokenizer.end_of_text)
    return Phi(config).initialise(derive_seed(seed, "training", "weights"))


def _started(settings: TrainingSettings, start: Artifact, tokenizer: Tokenizer) -> Phi:
    model, found = load(start.path)
    wanted = settings.model.config(tokenizer.vocab_size, tokenizer.end_of_text)
    if found.vocab_size < tokenizer.vocab_size or found.end_of_text != tokenizer.end_of_text:
        raise RecipeError(
            f"training starts from {start.path}, whose model has {found.vocab_size} embeddings and end-of-text token "
            f"{found.end_of_text}, but the tokenizer of the tokens step has {tokenizer.vocab_size} tokens and end-of-text "
            f"token {tokenizer.end_of_text}; both must come from the same folder"
        )
    # Shape parameters that a recipe cannot set are taken from the model.
    wanted = replace(
        found,
        hidden_size=wanted.hidden_size,
        layers=wanted.layers,
        heads=wanted.heads,
        intermediate=wanted.intermediate,
        context=wanted.context,
    )
    if found != wanted:
        raise RecipeError(
            f"training starts from {start.path}, whose model is {found}, but the recipe asks for {wanted}; give both the "
            "same model settings"
        )
    return model


def _adapted(settings: TrainingSettings, model: Phi, adapter: Artifact | None, seed: int) -> AdaptedPhi:
    lora = lora_config(settings.lora)
    if any(phase.optimizer == "muon" for phase in settings.phases):
        raise RecipeError(f"training.lora: {NO_MUON_FOR_ADAPTERS}")
    if adapter is None:
        return AdaptedPhi(model, lora, derive_seed(seed, "training", "adapters"))
    folder = adapter.path / ADAPTER
    if (found := read_lora(folder)) != lora:
        raise RecipeError(
            f"training continues the adapters in {folder}, which are {found}, but the recipe asks for {lora}; set both to "
            "the same values"
        )
    return load_adapter(folder, model)


def lora_config(settings: LoraSettings) -> LoraConfig:
    """Return the adapters' shape as described by the settings."""
    targets = tuple(target for target in TARGETS if target in settings.targets)
    return LoraConfig(settings.rank, settings.alpha, settings.dropout, targets)
