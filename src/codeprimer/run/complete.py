"""Completes one prompt with one of a run's models or with a codeprimer checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from codeprimer.core.errors import UserError
from codeprimer.core.extras import require_torch
from codeprimer.run.checkpoints import find_checkpoint, is_run


@dataclass(frozen=True)
class Completed:
    """A prompt with its completion."""

    text: str
    cut: str = ""
    """A sentence about the limit that cut the answer; empty if the function ended."""


def complete_function(
    what: Path,
    model_name: str | None,
    prompt: str,
    max_new_tokens: int,
    tell: Callable[[str], None] | None = None,
) -> Completed:
    """Return the prompt with its completion, up to the end of the function.

    ``what`` is a run or a checkpoint, ``model_name`` one of a run's models. ``tell`` is called with each piece of the text as
    it is generated, the prompt first. Raises UserError if the target does not exist, the model is unknown, or
    the prompt is empty or too long, and MissingExtraError if torch is not installed.
    """
    folder = find_checkpoint(what, model_name).folder
    if model_name is not None and not is_run(what):
        raise UserError(f"--model {model_name}: {what} is a checkpoint, which contains a single model; omit --model")
    if not prompt.strip():
        raise UserError("--prompt is empty; give the start of a function, such as 'def double(x: int) -> int:'")
    require_torch("completing a prompt")
    from codeprimer.benchmarks.completion import complete_prompt
    from codeprimer.model.checkpoint import load
    from codeprimer.model.tokenizer import Tokenizer

    model, config = load(folder)
    tokenizer = Tokenizer.load(folder)
    room = config.context - len(tokenizer.encode_prompt(prompt))
    if room < 1:
        length = config.context - room
        raise UserError(f"--prompt has {length} tokens, but the model reads at most {config.context - 1}; shorten it")
    if tell is not None:
        tell(prompt.rstrip())
    answer = complete_prompt(model, tokenizer, prompt, max_new_tokens, tell)
    text = prompt.rstrip() + answer.completion
    return Completed(text) if answer.finished else Completed(text, _sentence(room, max_new_tokens, config.context))


def _sentence(room: int, allowed: int, context: int) -> str:
    if room > allowed:
        return f"the answer was cut after {allowed} tokens; raise --max-new-tokens"
    return (
        f"the answer was cut after {room} tokens: prompt and answer fill the model's context of {context} tokens; shorten the "
        "prompt"
    )
