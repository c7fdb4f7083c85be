"""Completing one prompt with one of a run's models."""

from __future__ import annotations

from dataclasses import dataclass

from codeprimer.core.errors import UserError
from codeprimer.core.extras import require_torch
from codeprimer.run_folder import RunFolder

MODELS = ("control", "base", "tuned")


@dataclass(frozen=True)
class Completed:
    """A prompt with what a model made of it."""

    text: str
    cut: str = ""
    """A sentence about what ended the answer before the function did; empty where the function ended."""


def complete_function(run: RunFolder, model_name: str, prompt: str, max_new_tokens: int) -> Completed:
    """Return the prompt and what the model makes of it, up to where the function ends.

    Raises UserError for an unknown model or an empty or too long prompt, MissingExtraError without torch.
    """
    if model_name not in MODELS:
        raise UserError(f"--model {model_name}: choose one of {', '.join(MODELS)}")
    if not prompt.strip():
        raise UserError("--prompt is empty; give the start of a function, such as 'def double(x: int) -> int:'")
    folder = run.artifact(model_name).path
    require_torch("completing a prompt")
    from codeprimer.evaluation.completion import complete_prompt
    from codeprimer.model.checkpoint import load
    from codeprimer.model.tokenizer import Tokenizer

    model, config = load(folder)
    tokenizer = Tokenizer.load(folder)
    room = config.context - len(tokenizer.encode_prompt(prompt))
    if room < 1:
        length = config.context - room
        raise UserError(f"--prompt is {length} tokens long, the model reads at most {config.context - 1}; shorten it")
    answer = complete_prompt(model, tokenizer, prompt, max_new_tokens)
    text = prompt.rstrip() + answer.completion
    return Completed(text) if answer.finished else Completed(text, _sentence(room, max_new_tokens, config.context))


def _sentence(room: int, allowed: int, context: int) -> str:
    if room > allowed:
        return f"the answer was cut after {allowed} tokens; a larger --max-new-tokens lets it go on"
    return (
        f"the answer was cut after {room} tokens, because prompt and answer together may have {context}, the model's "
        "context; a shorter prompt leaves it more"
    )
