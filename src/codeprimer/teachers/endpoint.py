"""One address of a teacher: sends a request once, and says what became of it.

Reads the network. Its one idea: whatever happens, on the wire or in the server, becomes one of the closed set of outcomes.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Mapping

import aiohttp

from codeprimer.teachers.outcomes import Failure, Success, Trouble, pause_wanted, read_response
from codeprimer.teachers.pacing import Breaker, Bucket, Patience, Window
from codeprimer.teachers.settings import TeacherSettings

NO_ROOM = float("inf")
LONGEST_SAID = 200
"""So much of an error is shown [characters]."""


def headers_of(key: str) -> dict[str, str]:
    """Return the headers of a request; the only place where the key goes."""
    return {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})


class Endpoint:
    """An address and what is known about how fast it may be asked."""

    def __init__(self, address: str, settings: TeacherSettings, session: aiohttp.ClientSession) -> None:
        self.address = address
        self._session = session
        self.window = Window(settings.max_in_flight)
        self.breaker = Breaker()
        self.patience = Patience(settings.timeout_seconds)
        self._requests = Bucket(settings.requests_per_minute)
        self._tokens = Bucket(settings.tokens_per_minute)
        self.in_flight = 0
        self.paused_until = 0.0
        self.has_answered = False

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
            self.window.note(is_refusal=False)
            self.breaker.succeed()
            self.patience.note(seconds)
        elif outcome.trouble is Trouble.REFUSED:
            self.window.note(is_refusal=True)
        elif outcome.trouble is not Trouble.BAD_REQUEST:
            self.breaker.fail(now)

    async def send(self, path: str, body: bytes, headers: Mapping[str, str]) -> Success | Failure:
        """Send a request and return what became of it; only a cancellation is raised."""
        try:
            async with self._session.post(
                self.address + path, data=body, headers=headers, allow_redirects=False
            ) as response:
                content = await response.read()
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError, ssl.SSLError) as error:
            return Failure(Trouble.WRONG_SETUP, f"no secure connection: {_said(error)}")
        except aiohttp.InvalidURL as error:
            return Failure(Trouble.WRONG_SETUP, f"that is no address: {_said(error)}")
        except aiohttp.ClientPayloadError as error:
            return Failure(Trouble.BROKEN, f"the answer broke off: {_said(error)}")
        except aiohttp.ClientResponseError as error:
            return Failure(Trouble.WRONG_SETUP, f"that is no HTTP server: {_said(error)}")
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            return Failure(Trouble.UNREACHABLE, f"no connection: {_said(error)}")
        if pause := pause_wanted(response.headers):
            self.paused_until = max(self.paused_until, asyncio.get_running_loop().time() + pause)
        return read_response(response.status, response.headers, content)


def _said(error: BaseException) -> str:
    """Return an error for people, shortened; what the system says, rather than how a library repeats it."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    number = getattr(cause, "errno", None)
    said = os.strerror(number) if isinstance(number, int) and number > 0 else str(cause)
    text = " ".join(said.split()) or type(error).__name__
    return text[:LONGEST_SAID]
