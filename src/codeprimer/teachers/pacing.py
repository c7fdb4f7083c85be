"""How fast one address is asked: what it bears is found out, what it says about its limits is obeyed.

Reads the outcomes of attempts; knows no network. Four ideas, each known by name: the number in flight falls with the
share of refusals and rises by a constant (the additive increase, multiplicative decrease of DCTCP, whose decrease is
proportional, so that a few refusals by chance cost little); a token bucket for limits that are known; a circuit breaker
where nothing comes back at all; and a time limit for each attempt that follows what answers take.
"""

from __future__ import annotations

import math
from bisect import insort
from collections import deque

SMOOTHING = 1 / 16
"""What one round of outcomes weighs in the share of refusals (Alizadeh et al. 2010, section 3.1)."""

STEPS = 16
"""So many rounds without refusals lead from nothing to all that is allowed."""

LEAST_IN_FLIGHT = 1.0
BREAK_AFTER = 10
"""So many failures in a row, without an answer among them, open the breaker."""

LONGEST_PAUSE = 60.0
REMEMBERED = 256
"""Durations of answers that the time limit follows."""

FEW, ENOUGH = 3, 20
SLACK_AT_FIRST, LEAST_AT_FIRST = 10.0, 10.0
"""While there are few answers, so many times what the slowest took is waited for one, and so long at least [s]."""

SLACK = 3.0
"""So many times what 99 of 100 answers took is waited for one."""
LEAST_SECONDS = 0.5
"""No attempt is given less [s]."""


class Window:
    """How many requests may be in flight."""

    def __init__(self, most: int) -> None:
        self._most = float(most)
        self.size = float(most)
        self._share = 0.0
        self._outcomes = 0
        self._refusals = 0

    def note(self, is_refusal: bool) -> None:
        """Take an outcome into account; once per round, which is as many outcomes as are in flight, the size changes."""
        self._outcomes += 1
        self._refusals += is_refusal
        if self._outcomes < self.size:
            return
        self._share += SMOOTHING * (self._refusals / self._outcomes - self._share)
        if self._refusals:
            self.size *= 1 - self._share / 2
        self.size = min(max(self.size + self._most / STEPS, LEAST_IN_FLIGHT), self._most)
        self._outcomes = self._refusals = 0


ROUNDING = 1e-9
"""Waits that only rounding makes [s]."""


class Bucket:
    """A token bucket: so much per minute, some of it at once."""

    def __init__(self, per_minute: int | None) -> None:
        self._rate = None if per_minute is None else per_minute / 60
        self._room = max(1.0, (per_minute or 0) / 60)
        self._level = self._room
        self._at = 0.0

    def wait(self, amount: float, now: float) -> float:
        """Return how long to wait until ``amount`` may be taken [s]."""
        if self._rate is None:
            return 0.0
        self._fill(now)
        seconds = (min(amount, self._room) - self._level) / self._rate
        return seconds if seconds > ROUNDING else 0.0

    def take(self, amount: float, now: float) -> None:
        """Take ``amount``, which may leave the bucket in debt."""
        if self._rate is not None:
            self._fill(now)
            self._level -= amount

    def _fill(self, now: float) -> None:
        assert self._rate is not None
        self._level = min(self._room, self._level + (now - self._at) * self._rate)
        self._at = now


class Breaker:
    """Stops asking an address that does not answer, and tries again after longer and longer pauses."""

    def __init__(self) -> None:
        self.failures = 0
        self._pauses = 0
        self.open_until = 0.0
        self.failing_since = 0.0

    def succeed(self) -> None:
        """Forget all failures."""
        self.failures = self._pauses = 0
        self.open_until = 0.0

    def fail(self, now: float) -> None:
        """Count a failure that says nothing about the request itself."""
        if self.failures == 0:
            self.failing_since = now
        self.failures += 1
        if self.failures >= BREAK_AFTER and now >= self.open_until:
            self.open_until = now + min(LONGEST_PAUSE, float(2**self._pauses))
            self._pauses += 1

    @property
    def is_probing(self) -> bool:
        """Whether one request at a time is enough until something comes back."""
        return self.failures >= BREAK_AFTER


class Patience:
    """How long an attempt may take."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._recent: deque[float] = deque()
        self._ordered: list[float] = []

    def note(self, seconds: float) -> None:
        """Take the duration of an answer into account."""
        self._recent.append(seconds)
        insort(self._ordered, seconds)
        if len(self._recent) > REMEMBERED:
            self._ordered.remove(self._recent.popleft())

    def seconds(self, silences: int) -> float:
        """Return the time limit of an attempt; it doubles with each that was in vain, for answers that are slow [s]."""
        if len(self._recent) < FEW:
            return self._longest
        if len(self._recent) < ENOUGH:
            return min(self._longest, max(LEAST_AT_FIRST, SLACK_AT_FIRST * self._ordered[-1]) * float(2**silences))
        slow = self._ordered[math.ceil(0.99 * len(self._ordered)) - 1]
        return min(self._longest, max(LEAST_SECONDS, SLACK * slow) * float(2**silences))
