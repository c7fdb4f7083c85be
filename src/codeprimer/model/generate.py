"""Generation for many prompts at once, greedy or sampled.

Reads prompts as token ids and returns their continuations. Key idea: prompts of different lengths share a batch and a key-value
cache, equal prompts are computed once, each row stops on its own, and rows that have stopped leave the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from codeprimer.model.cache import Cache
from codeprimer.model.inference import for_use
from codeprimer.model.phi import Phi

Stop = Callable[[list[int]], bool]
"""Called after each new token with all new tokens of a row; True ends the row after this token."""

Heard = Callable[[int, int], None]
"""Called with a prompt's number and each new token as it is chosen."""

PASS_TOKENS = 16_384
"""The maximum number of prompt tokens per forward pass, which bounds the size of the activations."""

PADDED_TOKENS = 256
"""The maximum number of padding tokens per pass over prompts; fewer are not worth another pass."""


@dataclass(frozen=True)
class Limits:
    """The limits of a continuation."""

    new_tokens: int
    """The maximum number of new tokens per prompt; the model's context may allow fewer."""
    stop_ids: frozenset[int]
    """Ids that end a row; the id itself is not part of the result."""
    vocabulary: int
    """The vocabulary size; ids from this value on are embedding padding and are never chosen."""
    rows: int = 128
    """The maximum number of prompts in a batch."""


@dataclass(frozen=True)
class Sampling:
    """Nucleus sampling: from the most likely tokens with a total probability of ``top_p``."""

    temperature: float
    top_p: float
    seed: int


class _Chooser:
    """Chooses each row's next token: the most likely one, or a sample."""

    def __init__(self, vocabulary: int, sampling: Sampling | None, device: torch.device) -> None:
        self._vocabulary = vocabulary
        self._sampling = sampling if sampling is not None and sampling.temperature > 0 else None
        self._random = torch.Generator(device)
        if self._sampling is not None:
            self._random.manual_seed(self._sampling.seed)

    def choose(self, model: Phi, hidden_BD: Tensor) -> Tensor:
        """Return the next token of each row."""
        logits_BV: Tensor = model.lm_head(hidden_BD)[:, : self._vocabulary]
        if self._sampling is None:
            return logits_BV.float().argmax(-1)  # torch's argmax is four times as slow in bfloat16
        probabilities_BV = torch.softmax(logits_BV.float() / self._sampling.temperature, -1)
        sorted_BV, order_BV = probabilities_BV.sort(-1, descending=True)
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
    heard: Heard | None = None,
) -> list[list[int]]:
    """Return a continuation of each prompt, in the order of the prompts: greedy, or sampled if ``sampling`` is given.

    An empty prompt is replaced by the end-of-text token; a prompt that fills the context gets no continuation. For several
    samples, repeat a prompt; it is computed only once.
    """
    model = for_use(model)
    chooser = _Chooser(limits.vocabulary, sampling, model.embed_tokens.weight.device)
    results: list[list[int]] = [[] for _ in prompts]
    # Prompts of similar length share a batch, which reduces padding.
    order = sorted(range(len(prompts)), key=lambda index: (len(prompts[index]), index))
    order = [index for index in order if len(prompts[index]) < model.config.context]
    for start in range(0, len(order), limits.rows):
        batch = order[start : start + limits.rows]
        starts = [list(prompts[index]) or [model.config.end_of_text] for index in batch]
        rows = _Rows(limits, stop, heard, batch, [results[index] for index in batch])
        _continue(model, starts, rows, chooser)
    return results


@dataclass(frozen=True)
class _Rows:
    """The continuations of a batch."""

    limits: Limits
    stop: Stop | None
    heard: Heard | None
    numbers: list[int]
    """The number of each row's prompt."""
    results: list[list[int]]

    def append(self, row: int, token: int) -> bool:
        """Append a token to a row's result and return whether the row continues."""
        if token in self.limits.stop_ids:
            return False
        result = self.results[row]
        result.append(token)
        if self.heard is not None:
            self.heard(self.numbers[row], token)
        return len(result) < self.limits.new_tokens and not (self.stop is not None and self.stop(result))


def _continue(model: Phi, prompts: list[list[int]], rows: _Rows, chooser: _Chooser) -> None:
    """Generate until every row of a batch has stopped."""
    device = model.embed_tokens.weight.device
    lengths_B = torch.tensor([len(prompt) for prompt in prompts], device=device)
    places = min(model.config.context, int(lengths_B.max()) + rows.limits.new_tokens)
    cache = Cache(model.config, lengths_B, places, model.lm_head.weight.dtype)
    next_B = _first_tokens(model, prompts, cache, chooser)
    live = list(range(len(prompts)))
    while True:
        going = [rows.append(row, token) for row, token in zip(live, next_B.tolist(), strict=True)]
        room = (cache.lengths_B + 1 < places).tolist()
        keep = [place for place in range(len(live)) if going[place] and room[place]]
        if not keep:
            return
        if len(keep) < len(live):
            order = cache.keep(keep)
            live = [live[place] for place in order]
            next_B = next_B[order]
        hidden_B1D = model.hidden(next_B[:, None], cache)
        cache.advance()
        next_B = chooser.choose(model, hidden_B1D[:, 0])


def _first_tokens(model: Phi, prompts: list[list[int]], cache: Cache, chooser: _Chooser) -> Tensor:
    """Run the model on the prompts and choose the first new token of each row."""
    last_BD = torch.empty(len(prompts), model.config.hidden_size, dtype=cache.keys.dtype, device=cache.lengths_B.device)
    rows_of: dict[tuple[int, ...], list[int]] = {}
    for row, prompt in enumerate(prompts):
        rows_of.setdefault(tuple(prompt), []).append(row)
    for together in _of_like_length(list(rows_of)):
        longest = max(map(len, together))
        padded_PT = torch.tensor([[*prompt, *[0] * (longest - len(prompt))] for prompt in together]).to(last_BD.device)
        filled = [(row, number) for number, prompt in enumerate(together) for row in rows_of[prompt]]
        rows, numbers = [row for row, _ in filled], [number for _, number in filled]
        cache.fill(rows, numbers)
        hidden_PTD = model.hidden(padded_PT, cache)
        last_BD[rows] = hidden_PTD[numbers, cache.lengths_B[rows] - 1]
    cache.advance()
    return chooser.choose(model, last_BD)


def _of_like_length(prompts: list[tuple[int, ...]]) -> Iterator[list[tuple[int, ...]]]:
    """Yield the prompts in groups of similar length."""
    group: list[tuple[int, ...]] = []
    for prompt in sorted(prompts, key=len):
        size = (len(group) + 1) * len(prompt)
        padded = size - sum(map(len, group)) - len(prompt)
        if group and (padded > PADDED_TOKENS or size > PASS_TOKENS):
            yield group
            group = []
        group.append(prompt)
    if group:
        yield group
