"""One of a teacher's endpoints: sends a request once, and decides how fast requests may be sent.

Uses the network through the client. Key idea: pacing, pauses and giving up follow from the outcomes alone.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

from codeprimer.teachers.client import Client
from codeprimer.teachers.estimate import duration
from codeprimer.teachers.outcomes import FATAL, Failure, FailureReason, Success, pause_wanted, read_response
from codeprimer.teachers.pacing import MAX_PAUSE, AdaptiveTimeout, CircuitBreaker, ConcurrencyLimit, TokenBucket
from codeprimer.teachers.settings import TeacherSettings

NO_ROOM = float("inf")
REFUSED_IN_A_ROW = 10
"""After this many refusals without an answer in between, the endpoint is paused."""

FIRST_PAUSE = 0.25
"""The first pause after refusals [s]; it doubles with each round of refusals."""

FAILURES_AT_FIRST, SECONDS_AT_FIRST = 5, 30.0
"""An endpoint that has never answered is abandoned after this many failures. If it is reachable, this time [s] must also
have passed: a server that is busy or starting up refuses immediately and answers later."""

OUTAGE_SECONDS = 900.0
"""How long an endpoint that has answered may be down before it is abandoned [s]."""

DOCTOR = "; see codeprimer doctor --teacher RECIPE"
"""The end of an error about a teacher in a recipe; callers without a recipe remove it."""

FATAL_IN_A_ROW = 5
"""How often an endpoint that has answered must report a wrong key, model or URL before it is abandoned."""


class Endpoint:
    """A base URL, how it has responded, and how fast requests may be sent to it."""

    def __init__(self, address: str, settings: TeacherSettings, client: Client) -> None:
        self.address = address
        self._client = client
        self.concurrency = ConcurrencyLimit(settings.max_in_flight)
        self.breaker = CircuitBreaker()
        self.timeout = AdaptiveTimeout(settings.timeout_seconds)
        self._requests = TokenBucket(settings.requests_per_minute)
        self._tokens = TokenBucket(settings.tokens_per_minute)
        self.in_flight = 0
        self.paused_until = 0.0
        self.has_answered = False
        self._refused_since: float | None = None
        """Time of the first refusal since the last answer."""
        self._failed_since: float | None = None
        """Time of the first failure, if the endpoint has never answered."""
        self._failures_at_first = 0
        self._refusals = 0
        self._fatal = 0

    def wait(self, tokens: int, now: float) -> float:
        """Return the wait until the next request may be sent [s]; ``NO_ROOM`` if a request in flight must end first."""
        if self.in_flight >= (1 if self.breaker.is_probing else max(1, int(self.concurrency.size))):
            return NO_ROOM
        until = max(self.paused_until, self.breaker.open_until)
        return max(until - now, self._requests.wait(1, now), self._tokens.wait(tokens, now), 0.0)

    def begin(self, tokens: int, now: float) -> None:
        """Count a request that is being sent."""
        self.in_flight += 1
        self._requests.take(1, now)
        self._tokens.take(tokens, now)

    def end(self, outcome: Success | Failure, seconds: float, now: float) -> None:
        """Update limits and counters after an outcome."""
        self.in_flight -= 1
        if isinstance(outcome, Success):
            self.has_answered = True
            self._refused_since = None
            self._refusals = self._fatal = 0
            self.concurrency.note(is_refusal=False)
            self.breaker.succeed()
            self.timeout.note(seconds)
            return
        self._fatal += outcome.reason in FATAL
        if outcome.reason is FailureReason.RATE_LIMITED:
            self.concurrency.note(is_refusal=True)
            self._note_refusal(outcome, now)
            return
        if not self.has_answered:
            self._failures_at_first += 1
            self._failed_since = now if self._failed_since is None else self._failed_since
        if outcome.reason is not FailureReason.BAD_REQUEST:
            self.breaker.fail(now)

    def _note_refusal(self, refusal: Failure, now: float) -> None:
        """Pause an endpoint that refuses every request: for as long as it asks, otherwise with exponential backoff."""
        self._refusals += 1
        self._refused_since = now if self._refused_since is None else self._refused_since
        if self._refusals < REFUSED_IN_A_ROW:
            return
        wait = refusal.retry_after
        if wait is None:
            rounds = (self._refusals - REFUSED_IN_A_ROW) / max(1.0, self.concurrency.size)
            wait = min(MAX_PAUSE, FIRST_PAUSE * 2.0 ** min(rounds, 16.0))
        self.paused_until = max(self.paused_until, now + wait)

    def why_give_up(self, failure: Failure, now: float) -> str:
        """Return why this endpoint should be abandoned after a failure, or an empty string."""
        if self._fatal > 0 and (not self.has_answered or self._fatal >= FATAL_IN_A_ROW):
            return f"{self.address} cannot be used: {failure.detail}{DOCTOR}"
        failed = self._failures_at_first
        is_over = failure.reason is FailureReason.UNREACHABLE or now - (self._failed_since or now) > SECONDS_AT_FIRST
        if not self.has_answered and failed >= FAILURES_AT_FIRST and is_over:
            return f"{self.address} has not answered any of {failed} requests: {failure.detail}{DOCTOR}"
        again = "run again when it is back; no request is paid for twice"
        if failure.retry_after is not None and failure.retry_after > OUTAGE_SECONDS:
            wait = duration(failure.retry_after)
            return f"{self.address} asks for a wait of {wait}: {failure.detail}; {again}"
        began = (self.breaker.failing_since if self.breaker.failures else None, self._refused_since)
        since = [at for at in began if at is not None]
        if since and now - min(since) > OUTAGE_SECONDS:
            minutes = f"{OUTAGE_SECONDS / 60:.0f} minutes"
            return f"{self.address} has not answered for {minutes}: {failure.detail}; {again}"
        return ""

    async def send(self, path: str, body: bytes) -> Success | Failure:
        """Send a request once and return the outcome. Raises only on cancellation."""
        response = await self._client.post(self.address + path, body)
        if isinstance(response, Failure):
            return response
        status, headers, content = response
        if pause := pause_wanted(headers):  # capped: if that is too short, the server refuses again
            until = asyncio.get_running_loop().time() + min(pause, MAX_PAUSE)
            self.paused_until = max(self.paused_until, until)
        outcome = read_response(status, headers, content, path == "/embeddings")
        if status == 404 and isinstance(outcome, Failure) and (suggestion := _suggested(self.address)):
            return replace(outcome, detail=f"{outcome.detail}; try {suggestion}")
        return outcome


def _suggested(address: str) -> str:
    """Return the URL that was probably meant, or an empty string if this URL looks right."""
    for path in ("/chat/completions", "/completions", "/embeddings"):
        if address.endswith(path):
            return address.removesuffix(path)
    return "" if re.search(r"/v\d+\w*$", address) else f"{address}/v1"
