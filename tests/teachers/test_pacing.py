"""How many at once, how fast, how long: what is learned from outcomes."""

from __future__ import annotations

import random

import pytest

from codeprimer.teachers.pacing import (
    BREAK_AFTER,
    MIN_SECONDS,
    AdaptiveTimeout,
    CircuitBreaker,
    ConcurrencyLimit,
    TokenBucket,
)


def after(share: float, outcomes: int = 20_000, most: int = 128) -> float:
    """Return the mean size of a window while so many of all requests are refused by chance."""
    window, drawn, sizes = ConcurrencyLimit(most), random.Random(1), 0.0
    for _ in range(outcomes):
        window.note(drawn.random() < share)
        sizes += window.size
    return sizes / outcomes


def test_without_refusals_everything_that_is_allowed_is_used() -> None:
    assert after(0.0) == 128


def test_a_tenth_refused_by_chance_costs_little() -> None:
    assert after(0.1) > 0.9 * 128


def test_what_is_refused_for_its_amount_is_sent_less() -> None:
    # A server that serves 20 at once and refuses the rest.
    window, drawn, sizes = ConcurrencyLimit(128), random.Random(1), []
    for _ in range(20_000):
        window.note(drawn.random() < max(0.0, 1 - 20 / window.size))
        sizes.append(window.size)
    assert 15 < sum(sizes[5000:]) / len(sizes[5000:]) < 50


def test_a_window_never_closes_and_opens_again() -> None:
    window = ConcurrencyLimit(64)
    for _ in range(2000):
        window.note(is_refusal=True)
    assert window.size >= 1
    for _ in range(2000):
        window.note(is_refusal=False)
    assert window.size == 64


def test_a_bucket_lets_through_what_it_holds_per_minute() -> None:
    bucket, now, sent = TokenBucket(600), 1000.0, 0
    while now < 1060.0:
        if bucket.wait(1, now) == 0:
            bucket.take(1, now)
            sent += 1
        else:
            now += bucket.wait(1, now)
    assert 600 <= sent <= 611


def test_a_request_larger_than_the_bucket_is_sent_all_the_same() -> None:
    bucket = TokenBucket(60)
    assert bucket.wait(1000, 5.0) == pytest.approx(0.0)
    bucket.take(1000, 5.0)
    assert bucket.wait(1, 5.0) == pytest.approx(1000.0, rel=0.01)


def test_no_limit_never_waits() -> None:
    assert TokenBucket(None).wait(10**9, 0.0) == 0


def test_a_breaker_opens_after_failures_in_a_row_for_longer_and_longer() -> None:
    breaker, now, pauses = CircuitBreaker(), 0.0, []
    for _ in range(BREAK_AFTER):
        assert not breaker.is_probing
        breaker.fail(now)
    for _ in range(8):
        pauses.append(breaker.open_until - now)
        now = breaker.open_until
        breaker.fail(now)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert breaker.is_probing
    breaker.succeed()
    assert (breaker.is_probing, breaker.open_until) == (False, 0)


def test_patience_follows_what_answers_take_and_doubles() -> None:
    patience = AdaptiveTimeout(300.0)
    assert patience.seconds(0) == 300
    for _ in range(30):
        patience.note(2.0)
    assert [patience.seconds(timeouts) for timeouts in range(3)] == [6, 12, 24]
    for _ in range(400):
        patience.note(0.01)
    assert patience.seconds(0) == MIN_SECONDS
    assert patience.seconds(12) == 300
