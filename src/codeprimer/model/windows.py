"""The number of bits that a model needs to encode a text, for bits per byte, a metric that is independent of the tokenizer.

Reads token ids and returns bit counts. Key idea: a text longer than the context is read in sliding windows, each of which
scores the tokens that no earlier window has scored, so every token is scored exactly once and, except at the text's beginning,
is preceded by at least half a context. Needs torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch

from codeprimer.model.inference import for_use
from codeprimer.model.phi import Phi

ROWS = 8
"""Number of windows per forward pass."""


@dataclass(frozen=True)
class Window:
    """A span of a text that fits in the context."""

    text: int
    """The text's number."""
    inputs: Sequence[int]
    targets: Sequence[int]
    """The id that follows each input."""
    skip: int
    """Number of targets at the start that an earlier window has scored."""


def windows_of(text: int, ids: Sequence[int], first: int, context: int) -> Iterator[Window]:
    """Cut ``ids`` into windows that together score each id from ``first`` on exactly once.

    ``first`` is at least 1: the first id has no context.
    """
    assert first >= 1
    overlap = context - context // 2
    position = first
    while position < len(ids):
        start = max(0, position - 1 - overlap)
        end = min(len(ids), start + context + 1)
        yield Window(text, ids[start : end - 1], ids[start + 1 : end], position - 1 - start)
        position = end


@torch.inference_mode()
def bits_of(model: Phi, texts: Iterable[tuple[Sequence[int], int]]) -> list[float]:
    """Return the number of bits that a model needs for each text; a text is (ids, index of the first id to score).

    Sums are in float64; the ids before that index are only context.
    """
    model = for_use(model)
    bits: list[float] = []
    device = model.embed_tokens.weight.device
    for batch in _batches(model.config.context, texts, bits):
        longest = max(len(window.inputs) for window in batch)
        inputs_BT = torch.tensor([_padded(window.inputs, longest) for window in batch])
        targets_BT = torch.tensor([_padded(window.targets, longest) for window in batch])
        losses_BT = model.token_losses(inputs_BT.to(device), targets_BT.to(device)).cpu().double()
        for window, losses_T in zip(batch, losses_BT, strict=True):
            bits[window.text] += float(losses_T[window.skip : len(window.targets)].sum()) / math.log(2)
    return bits


def _batches(context: int, texts: Iterable[tuple[Sequence[int], int]], bits: list[float]) -> Iterator[list[Window]]:
    """Yield windows in batches; append a zero to ``bits`` for every text."""

    def windows() -> Iterator[Window]:
        for number, (ids, first) in enumerate(texts):
            bits.append(0.0)
            yield from windows_of(number, ids, first, context)

    cut = windows()
    while batch := list(islice(cut, ROWS)):
        yield batch


def _padded(ids: Sequence[int], length: int) -> list[int]:
    return [*ids, *[0] * (length - len(ids))]
