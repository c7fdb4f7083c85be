"""Completing one prompt with one of a run's models, or with a checkpoint of ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from codeprimer.core.errors import UserError
from codeprimer.core.extras import require_torch
from codeprimer.model.config import CONFIG_FILE
from codeprimer.run.folder import NOT_THERE, RECIPE, open_run

MODELS = ("control", "base", "tuned")
DEFAULT_MODEL = "tuned"


@dataclass(frozen=True)
class Completed:
    """A prompt with what a model made of it."""

    text: str
    cut: str = ""
    """A sentence about what ended the answer before the function did; empty where the function ended."""


def complete_function(
    what: Path,
    model_name: str | None,
    prompt: str,
    max_new_tokens: int,
    tell: Callable[[str], None] | None = None,
) -> Completed:
    """Return the prompt and what the model makes of it, up to where the function ends.

    ``what`` is a run or a checkpoint, ``model_name`` one of a run's models; ``tell`` is told the text as it is written,
    the prompt first. Raises UserError for what is not there, an unknown model, or a prompt that is empty or too long,
    MissingExtraError without torch.
    """
    folder = _checkpoint(what, model_name)
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
        raise UserError(f"--prompt is {length} tokens long, the model reads at most {config.context - 1}; shorten it")
    if tell is not None:
        tell(prompt.rstrip())
    answer = complete_prompt(model, tokenizer, prompt, max_new_tokens, tell)
    text = prompt.rstrip() + answer.completion
    return Completed(text) if answer.finished else Completed(text, _sentence(room, max_new_tokens, config.context))


def _checkpoint(what: Path, model_name: str | None) -> Path:
    """Return the folder of the model that is meant."""
    if not (what / RECIPE).exists() and (what / CONFIG_FILE).is_file():
        if model_name is not None:
            raise UserError(f"--model {model_name}: {what} is a checkpoint, which is one model; leave it out")
        return what
    if not (what / RECIPE).exists():
        fault = (
            f"is neither a run (it has no {RECIPE}) nor a checkpoint (no {CONFIG_FILE})" if what.exists() else NOT_THERE
        )
        raise UserError(f"{what} {fault}; give a run's folder or that of a checkpoint")
    model_name = model_name or DEFAULT_MODEL
    if model_name not in MODELS:
        raise UserError(f"--model {model_name}: choose one of {', '.join(MODELS)}")
    return open_run(what).artifact(model_name).path


def _sentence(room: int, allowed: int, context: int) -> str:
    if room > allowed:
        return f"the answer was cut after {allowed} tokens; a larger --max-new-tokens lets it go on"
    return (
        f"the answer was cut after {room} tokens, because prompt and answer together may have {context}, the model's "
        "context; a shorter prompt leaves it more"
    )
