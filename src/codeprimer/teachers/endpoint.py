"""One address of a teacher: sends a request once, and says what became of it.

Reads the network. Its one idea: whatever happens, on the wire or in the server, becomes one of the closed set of outcomes.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

from codeprimer import __version__
from codeprimer.teachers.connections import Connections
from codeprimer.teachers.estimate import duration
from codeprimer.teachers.exchange import NoResponse
from codeprimer.teachers.outcomes import FATAL, Failure, Success, Trouble, pause_wanted, read_response
from codeprimer.teachers.pacing import LONGEST_PAUSE, Breaker, Bucket, Patience, Window
from codeprimer.teachers.settings import TeacherSettings

NO_ROOM = float("inf")
REFUSED_IN_A_ROW = 10
"""So many refusals without an answer between them: the address refuses everything."""

FIRST_PAUSE = 0.25
"""How long it is left alone then, at first [s]; it doubles with each round of refusals."""

FAILURES_AT_FIRST, SECONDS_AT_FIRST = 5, 30.0
"""An address that has never answered is given up after so many failures, where there is no connection; else only when it
has failed for so long as well [s]: a server that is busy, or begins to work, refuses at once and answers later."""

OUTAGE_SECONDS = 900.0
"""An address that has answered before is given so long to come back [s]."""

LEAST_KEY = 12
"""A shorter key is none that has to be hidden, and may be a word of an answer (``EMPTY``)."""

DOCTOR = "; see codeprimer doctor --teacher RECIPE"
"""How a sentence about a teacher that cannot be asked ends; who asks without a recipe leaves it out."""

FATAL_IN_A_ROW = 5
"""So many times an address that has answered must say that the key, the model or the address is wrong."""


def headers_of(key: str) -> dict[str, str]:
    """Return the headers of a request; the only place where the key goes."""
    headers = {"Content-Type": "application/json", "User-Agent": f"codeprimer/{__version__}"}
    return headers | ({"Authorization": f"Bearer {key}"} if key else {})


class Endpoint:
    """An address and what is known about how fast it may be asked."""

    def __init__(self, address: str, settings: TeacherSettings, key: str) -> None:
        self.address = address
        self._key = key.encode()
        self._connections = Connections(address, headers_of(key))
        self.window = Window(settings.max_in_flight)
        self.breaker = Breaker()
        self.patience = Patience(settings.timeout_seconds)
        self._requests = Bucket(settings.requests_per_minute)
        self._tokens = Bucket(settings.tokens_per_minute)
        self.in_flight = 0
        self.paused_until = 0.0
        self.has_answered = False
        self._refused_since: float | None = None
        """When it began to refuse everything."""
        self._failed_since: float | None = None
        """When it began to fail, where it has never answered."""
        self._failures_at_first = 0
        self._refusals = 0
        self._fatal = 0

    def wait(self, tokens: int, now: float) -> float:
        """Return how long to wait before another request may be sent [s]; ``NO_ROOM`` until one comes back."""
        if self.in_flight >= (1 if self.breaker.is_probing else max(1, int(self.window.size))):
            return NO_ROOM
        until = max(self.paused_until, self.breaker.open_until)
        return max(until - now, self._requests.wait(1, now), self._tokens.wait(tokens, now), 0.0)

    def begin(self, tokens: int, now: float) -> None:
        """Count a request that is being sent."""
        self.in_flight += 1
        self._requests.take(1, now)
        self._tokens.take(tokens, now)

    def end(self, outcome: Success | Failure, seconds: float, now: float) -> None:
        """Learn from an outcome."""
        self.in_flight -= 1
        if isinstance(outcome, Success):
            self.has_answered = True
            self._refused_since = None
            self._refusals = self._fatal = 0
            self.window.note(is_refusal=False)
            self.breaker.succeed()
            self.patience.note(seconds)
            return
        self._fatal += outcome.trouble in FATAL
        if outcome.trouble is Trouble.REFUSED:
            self.window.note(is_refusal=True)
            self._note_refusal(outcome, now)
            return
        if not self.has_answered:
            self._failures_at_first += 1
            self._failed_since = now if self._failed_since is None else self._failed_since
        if outcome.trouble is not Trouble.BAD_REQUEST:
            self.breaker.fail(now)

    def _note_refusal(self, refusal: Failure, now: float) -> None:
        """Leave an address alone that refuses everything: as long as it wants, else longer and longer."""
        self._refusals += 1
        self._refused_since = now if self._refused_since is None else self._refused_since
        if self._refusals < REFUSED_IN_A_ROW:
            return
        wait = refusal.wait
        if wait is None:
            rounds = (self._refusals - REFUSED_IN_A_ROW) / max(1.0, self.window.size)
            wait = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(rounds, 16.0))
        self.paused_until = max(self.paused_until, now + wait)

    def hopeless(self, failure: Failure, now: float) -> str:
        """Return a sentence where going on with this address makes no sense after a failure, else nothing."""
        if self._fatal > 0 and (not self.has_answered or self._fatal >= FATAL_IN_A_ROW):
            return f"{self.address} cannot be asked: {failure.detail}{DOCTOR}"
        failed = self._failures_at_first
        is_over = failure.trouble is Trouble.UNREACHABLE or now - (self._failed_since or now) > SECONDS_AT_FIRST
        if not self.has_answered and failed >= FAILURES_AT_FIRST and is_over:
            return f"{self.address} has not answered one of {failed} requests: {failure.detail}{DOCTOR}"
        again = "run again when it answers, nothing is paid twice"
        if failure.wait is not None and failure.wait > OUTAGE_SECONDS:
            wait = duration(failure.wait)
            return f"{self.address} wants to be left alone for {wait}: {failure.detail}; {again}"
        began = (self.breaker.failing_since if self.breaker.failures else None, self._refused_since)
        since = [at for at in began if at is not None]
        if since and now - min(since) > OUTAGE_SECONDS:
            minutes = f"{OUTAGE_SECONDS / 60:.0f} minutes"
            return f"{self.address} has not answered for {minutes}: {failure.detail}; {again}"
        return ""

    async def send(self, path: str, body: bytes) -> Success | Failure:
        """Send a request and return what became of it; only a cancellation is raised."""
        try:
            status, headers, content = await self._connections.post(path, body)
        except NoResponse as none:
            return Failure(none.trouble, none.detail)
        if pause := pause_wanted(headers):  # a longer one is not kept: whoever is asked too early says so
            until = asyncio.get_running_loop().time() + min(pause, LONGEST_PAUSE)
            self.paused_until = max(self.paused_until, until)
        if self._key and (len(self._key) >= LEAST_KEY or status >= 300):
            content = content.replace(self._key, b"[the key]")  # some servers repeat what they were sent
        outcome = read_response(status, headers, content, path == "/embeddings")
        if status == 404 and isinstance(outcome, Failure) and (better := _better(self.address)):
            return replace(outcome, detail=f"{outcome.detail}; try {better}")
        return outcome

    def close(self) -> None:
        """End the connections."""
        self._connections.close()


def _better(address: str) -> str:
    """Return the address that was probably meant, nothing where this one looks right."""
    for path in ("/chat/completions", "/completions", "/embeddings"):
        if address.endswith(path):
            return address.removesuffix(path)
    return "" if re.search(r"/v\d+\w*$", address) else f"{address}/v1"
