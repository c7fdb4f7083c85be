"""Bits per byte: each token is scored once, with what stands before it."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from codeprimer.model.config import PhiConfig
from codeprimer.model.phi import Phi
from codeprimer.model.windows import bits_of, windows_of

CONTEXT = 16


@pytest.fixture(scope="module")
def model() -> Phi:
    return Phi(PhiConfig(64, 32, 2, 2, 64, CONTEXT)).initialise(3).eval()


@given(st.integers(1, 300), st.integers(1, 60), st.integers(2, 40))
def test_windows_score_each_token_once_and_in_order_with_half_a_context_before_it(
    length: int, first: int, context: int
) -> None:
    ids = list(range(length))
    windows = list(windows_of(0, ids, first, context))
    assert [token for window in windows for token in window.targets[window.skip :]] == ids[first:]
    for window in windows:
        assert len(window.inputs) == len(window.targets) <= context
        assert all(target == source + 1 for source, target in zip(window.inputs, window.targets, strict=True))
        seen = window.targets[window.skip] - window.inputs[0]
        assert seen >= min(window.targets[window.skip], context // 2)
    assert all(later.inputs[0] > earlier.inputs[0] for earlier, later in pairwise(windows))


def slow_bits(model: Phi, ids: list[int], first: int) -> float:
    """Score token by token, each window written out."""
    bits = 0.0
    for window in windows_of(0, ids, first, CONTEXT):
        with torch.no_grad():
            logits_TV = model(torch.tensor([window.inputs]))[0].double()
        for place, target in list(enumerate(window.targets))[window.skip :]:
            bits -= float(logits_TV[place].log_softmax(-1)[target]) / math.log(2)
    return bits


def test_bits_equal_the_sum_over_tokens_written_out(model: Phi) -> None:
    generator = torch.Generator().manual_seed(0)
    texts = []
    for length, first in ((2, 1), (16, 1), (17, 5), (100, 1), (40, 30), (1, 1), (75, 74)):
        texts.append((torch.randint(0, 64, (length,), generator=generator).tolist(), first))
    assert bits_of(model, texts) == pytest.approx([slow_bits(model, *text) for text in texts], rel=1e-5)


def test_what_is_only_read_is_not_scored(model: Phi) -> None:
    ids = [1, 2, 3, 4, 5, 6, 7, 8]
    whole, end = bits_of(model, [(ids, 1), (ids, 5)])
    [start] = bits_of(model, [(ids[:5], 1)])
    assert whole == pytest.approx(start + end, rel=1e-5)
    assert bits_of(model, [(ids, 8)]) == [0.0]
