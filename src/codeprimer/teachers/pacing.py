"""Decides how fast requests are sent to one endpoint.

Reads the outcomes of attempts; does not use the network. Combines four known mechanisms: a concurrency limit with
DCTCP's additive increase and proportional decrease, so that a few random refusals cost little; a token bucket for known
rate limits; a circuit breaker for a failing endpoint; and a timeout that adapts to the response times.
"""

from __future__ import annotations

import math
from bisect import insort
from collections import deque

SMOOTHING = 1 / 16
"""Weight of one round in the moving average of the refused fraction (Alizadeh et al. 2010, section 3.1)."""

STEPS = 16
"""Rounds without refusals in which the limit grows from the minimum to the maximum."""

MIN_IN_FLIGHT = 1.0
BREAK_AFTER = 10
"""Consecutive failures that open the breaker."""

MAX_PAUSE = 60.0
REMEMBERED = 256
"""Number of recent response times that determine the timeout."""

FEW, ENOUGH = 3, 20
SLACK_AT_FIRST, LEAST_AT_FIRST = 10.0, 10.0
"""With few answers, the timeout is this multiple of the slowest response time, and at least this long [s]."""

SLACK = 3.0
"""The timeout is this multiple of the 99th percentile of the response times."""
MIN_SECONDS = 0.5
"""Minimum timeout [s]."""


class ConcurrencyLimit:
    """Limits how many requests may be in flight."""

    def __init__(self, maximum: int) -> None:
        self._max = float(maximum)
        self.size = float(maximum)
        self._refused = 0.0
        """Moving average of the refused fraction."""
        self._outcomes = 0
        self._refusals = 0

    def note(self, is_refusal: bool) -> None:
        """Count an outcome; the limit changes once per round, that is, after as many outcomes as the limit allows in flight."""
        self._outcomes += 1
        self._refusals += is_refusal
        if self._outcomes < self.size:
            return
        self._refused += SMOOTHING * (self._refusals / self._outcomes - self._refused)
        if self._refusals:
            self.size *= 1 - self._refused / 2
        self.size = min(max(self.size + self._max / STEPS, MIN_IN_FLIGHT), self._max)
        self._outcomes = self._refusals = 0


ROUNDING = 1e-9
"""Shorter waits are rounding errors [s]."""


class TokenBucket:
    """A token bucket that holds one second's allowance."""

    def __init__(self, per_minute: int | None) -> None:
        self._rate = None if per_minute is None else per_minute / 60
        self._room = max(1.0, (per_minute or 0) / 60)
        self._level = self._room
        self._at = 0.0

    def wait(self, amount: float, now: float) -> float:
        """Return the wait until ``amount`` can be taken [s]."""
        if self._rate is None:
            return 0.0
        self._fill(now)
        seconds = (min(amount, self._room) - self._level) / self._rate
        return seconds if seconds > ROUNDING else 0.0

    def take(self, amount: float, now: float) -> None:
        """Take ``amount``; the level may become negative."""
        if self._rate is not None:
            self._fill(now)
            self._level -= amount

    def _fill(self, now: float) -> None:
        assert self._rate is not None
        self._level = min(self._room, self._level + (now - self._at) * self._rate)
        self._at = now


class CircuitBreaker:
    """Pauses an endpoint that keeps failing, with exponential backoff."""

    def __init__(self) -> None:
        self.failures = 0
        self._pauses = 0
        self.open_until = 0.0
        self.failing_since = 0.0

    def succeed(self) -> None:
        """Reset after an answer."""
        self.failures = self._pauses = 0
        self.open_until = 0.0

    def fail(self, now: float) -> None:
        """Count a failure of the endpoint."""
        if self.failures == 0:
            self.failing_since = now
        self.failures += 1
        if self.failures >= BREAK_AFTER and now >= self.open_until:
            self.open_until = now + min(MAX_PAUSE, float(2**self._pauses))
            self._pauses += 1

    @property
    def is_probing(self) -> bool:
        """Whether requests are sent one at a time until one is answered."""
        return self.failures >= BREAK_AFTER


class AdaptiveTimeout:
    """The timeout for an attempt, computed from recent response times."""

    def __init__(self, maximum: float) -> None:
        self._max = maximum
        self._recent: deque[float] = deque()
        self._ordered: list[float] = []

    def note(self, seconds: float) -> None:
        """Count a response time [s]."""
        self._recent.append(seconds)
        insort(self._ordered, seconds)
        if len(self._recent) > REMEMBERED:
            self._ordered.remove(self._recent.popleft())

    def seconds(self, timeouts: int) -> float:
        """Return the next attempt's timeout [s]; it doubles with each of the request's earlier ``timeouts``."""
        if len(self._recent) < FEW:
            return self._max
        if len(self._recent) < ENOUGH:
            return min(self._max, max(LEAST_AT_FIRST, SLACK_AT_FIRST * self._ordered[-1]) * float(2**timeouts))
        slow = self._ordered[math.ceil(0.99 * len(self._ordered)) - 1]
        return min(self._max, max(MIN_SECONDS, SLACK * slow) * float(2**timeouts))
