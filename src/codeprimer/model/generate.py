"""Generation for many prompts at once, greedy or sampled.

Reads prompts as token ids, returns their continuations. Its one idea: prompts of any lengths share a batch and a key
and value cache, each row stops for itself, and rows that have stopped are taken out of the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from codeprimer.model.cache import Cache
from codeprimer.model.phi import Phi

Stop = Callable[[list[int]], bool]
"""Is asked after each new token with all new tokens of a row; True ends the row, the last token included."""


@dataclass(frozen=True)
class Limits:
    """When a continuation ends, and which ids it may hold."""

    new_tokens: int
    """The largest number of new tokens per prompt; the model's context may allow fewer."""
    stop_ids: frozenset[int]
    """Ids that end a row; the id itself is not part of the result."""
    vocabulary: int
    """Ids from here on are padding rows of the model and are never chosen."""
    rows: int = 128
    """Prompts in a batch at most."""


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn: from the most likely ones that together have the probability ``top_p``."""

    temperature: float
    top_p: float
    seed: int


class _Chooser:
    """Chooses each row's next token among the real ones: the most likely, or one that is drawn."""

    def __init__(self, vocabulary: int, sampling: Sampling | None) -> None:
        self._vocabulary = vocabulary
        self._sampling = sampling if sampling is not None and sampling.temperature > 0 else None
        self._random = torch.Generator()
        if self._sampling is not None:
            self._random.manual_seed(self._sampling.seed)

    def choose(self, model: Phi, hidden_BD: Tensor) -> Tensor:
        """Return the next token of each row."""
        logits_BV: Tensor = model.lm_head(hidden_BD)[:, : self._vocabulary]
        if self._sampling is None:
            return logits_BV.argmax(-1)
        shares_BV = torch.softmax(logits_BV.float() / self._sampling.temperature, -1)
        sorted_BV, order_BV = shares_BV.sort(-1, descending=True)
        before_BV = sorted_BV.cumsum(-1) - sorted_BV
        sorted_BV[before_BV >= self._sampling.top_p] = 0.0
        drawn_B1 = torch.multinomial(sorted_BV, 1, generator=self._random)
        return order_BV.gather(-1, drawn_B1)[:, 0]


@torch.inference_mode()
def generate(
    model: Phi,
    prompts: Sequence[Sequence[int]],
    limits: Limits,
    stop: Stop | None = None,
    sampling: Sampling | None = None,
) -> list[list[int]]:
    """Return a continuation of each prompt, in the order of the prompts: the most likely, or one drawn by ``sampling``.

    A prompt that is empty begins with the end-of-text token; one that fills the context gets no continuation.
    """
    chooser = _Chooser(limits.vocabulary, sampling)
    results: list[list[int]] = [[] for _ in prompts]
    # Prompts of like length stand together, so that little is padded.
    order = sorted(range(len(prompts)), key=lambda index: (len(prompts[index]), index))
    order = [index for index in order if len(prompts[index]) < model.config.context]
    for start in range(0, len(order), limits.rows):
        batch = order[start : start + limits.rows]
        starts = [list(prompts[index]) or [model.config.end_of_text] for index in batch]
        for index, continuation in zip(batch, _continue(model, starts, limits, stop, chooser), strict=True):
            results[index] = continuation
    return results


def _continue(
    model: Phi, prompts: list[list[int]], limits: Limits, stop: Stop | None, chooser: _Chooser
) -> list[list[int]]:
    """Continue one batch until every row has stopped."""
    results: list[list[int]] = [[] for _ in prompts]
    lengths_B = torch.tensor([len(prompt) for prompt in prompts])
    places = min(model.config.context, int(lengths_B.max()) + limits.new_tokens)
    cache = Cache(model.config, lengths_B, places, model.lm_head.weight.dtype)
    next_B = _first_tokens(model, prompts, cache, chooser)
    live = list(range(len(prompts)))
    while True:
        going = [_append(results[row], token, limits, stop) for row, token in zip(live, next_B.tolist(), strict=True)]
        room = (cache.lengths_B + 1 < places).tolist()
        keep = [place for place in range(len(live)) if going[place] and room[place]]
        if not keep:
            return results
        if len(keep) < len(live):
            order = cache.keep(keep)
            live = [live[place] for place in order]
            next_B = next_B[order]
        hidden_B1D = model.hidden(next_B[:, None], cache)
        cache.advance()
        next_B = chooser.choose(model, hidden_B1D[:, 0])


def _append(result: list[int], token: int, limits: Limits, stop: Stop | None) -> bool:
    """Add a token to a row's result and tell whether the row goes on."""
    if token in limits.stop_ids:
        return False
    result.append(token)
    return len(result) < limits.new_tokens and not (stop is not None and stop(result))


def _first_tokens(model: Phi, prompts: list[list[int]], cache: Cache, chooser: _Chooser) -> Tensor:
    longest = max(map(len, prompts))
    padded_BT = torch.tensor([prompt + [0] * (longest - len(prompt)) for prompt in prompts])
    hidden_BTD = model.hidden(padded_BT, cache)
    cache.advance()
    last_BD = hidden_BTD[torch.arange(len(prompts)), cache.lengths_B - 1]
    return chooser.choose(model, last_BD)
