"""Completing one prompt with one of a run's models."""

from __future__ import annotations

from importlib.util import find_spec

from codeprimer.core.errors import MissingExtraError, UserError
from codeprimer.run_folder import RunFolder

MODELS = ("control", "base", "tuned")


def complete_function(run: RunFolder, model_name: str, prompt: str, max_new_tokens: int) -> str:
    """Return the prompt and what the model makes of it, cut where the function ends.

    Raises UserError for an unknown model or an empty or too long prompt, MissingExtraError without torch.
    """
    if model_name not in MODELS:
        raise UserError(f"--model {model_name}: choose one of {', '.join(MODELS)}")
    if not prompt.strip():
        raise UserError("--prompt is empty; give the start of a function, such as 'def double(x: int) -> int:'")
    folder = run.artifact(model_name).path
    if find_spec("torch") is None:
        raise MissingExtraError("torch", "train", "completing a prompt")
    from codeprimer.evaluation.completion import complete_prompts
    from codeprimer.model.checkpoint import load
    from codeprimer.model.tokenizer import Tokenizer

    model, config = load(folder)
    tokenizer = Tokenizer.load(folder)
    length = len(tokenizer.encode(prompt.rstrip()))
    if length >= config.context:
        raise UserError(f"--prompt is {length} tokens long, the model reads at most {config.context - 1}; shorten it")
    completion = complete_prompts(model, tokenizer, [prompt], max_new_tokens)[0]
    return prompt.rstrip() + completion
