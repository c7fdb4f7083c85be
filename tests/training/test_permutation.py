"""Orders: everything exactly once, always the same, and with noise nobody far from home."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from codeprimer.core.seeds import numpy_random
from codeprimer.training.permutation import curriculum, shuffled

COUNTS, SEEDS, NOISES = st.integers(0, 300), st.integers(0, 2**31), st.floats(0, 1)


@given(COUNTS, SEEDS, NOISES)
def test_every_number_comes_exactly_once_and_the_same_seed_gives_the_same_order(
    count: int, seed: int, noise: float
) -> None:
    for permute in (shuffled, curriculum(noise)):
        order = permute(count, numpy_random(seed, "order"))
        assert sorted(order.tolist()) == list(range(count))
        assert np.array_equal(order, permute(count, numpy_random(seed, "order")))


@given(COUNTS, SEEDS, NOISES)
def test_under_noise_nobody_goes_further_than_the_window(count: int, seed: int, noise: float) -> None:
    order = curriculum(noise)(count, numpy_random(seed, "order"))
    assert np.all(np.abs(order - np.arange(count)) <= noise * count)


@given(COUNTS, SEEDS)
def test_without_noise_the_order_is_kept(count: int, seed: int) -> None:
    assert curriculum(0.0)(count, numpy_random(seed, "order")).tolist() == list(range(count))


def test_noise_shuffles_and_more_of_it_shuffles_more() -> None:
    def moved(noise: float) -> float:
        return float(np.abs(curriculum(noise)(1000, numpy_random(1, "order")) - np.arange(1000)).mean())

    assert 5 < moved(0.05) < 50
    assert 50 < moved(0.5) < 500
