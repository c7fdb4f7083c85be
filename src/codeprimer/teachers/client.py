"""The HTTP client: sends a request and returns the whole response, or the reason why there is none.

Reads and writes the network with aiohttp. Its one idea: the client knows whether a request has left, so a caller can
tell an attempt that costs nothing from one that may be billed.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Mapping
from io import BytesIO
from typing import NamedTuple

import aiohttp
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from codeprimer import __version__
from codeprimer.teachers.outcomes import Failure, FailureReason

MAX_BYTES = 2**25
"""Maximum size of a response body, decompressed."""

MAX_HEADER_BYTES = 2**16
"""Maximum size of the status line and of each header."""

CONNECT_SECONDS = 15.0
"""Timeout for name resolution, connection and TLS handshake together [s]."""

IDLE_SECONDS = 4.0
"""An idle connection is reused within this time [s]; many servers close theirs after 5, and a request sent then is lost."""

DNS_SECONDS = 300
"""How long resolved addresses are cached [s]."""

BUFFER_BYTES = 2**20
"""aiohttp's read buffer; it also warns of larger request bodies unless they come as a file object."""

MAX_SHOWN = 200
"""Maximum length of an error text [characters]."""


MIN_KEY_LENGTH = 12
"""A shorter key is a placeholder such as ``EMPTY``, which may be a word of an answer [characters]."""


class Response(NamedTuple):
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    """Names are case-insensitive."""
    content: bytes


class NotSent(asyncio.CancelledError):
    """A request was cancelled before it had a connection: the server has not received any of it."""


class Client:
    """A pool of connections to the addresses of one teacher, for the running event loop."""

    def __init__(self, key: str, max_in_flight: int, addresses: int = 1) -> None:
        """``max_in_flight`` limits the connections to each of the ``addresses``."""
        self._key = key.encode()
        self._connector = _Connector(
            limit=max_in_flight * addresses,
            limit_per_host=max_in_flight,
            ttl_dns_cache=DNS_SECONDS,
            keepalive_timeout=IDLE_SECONDS,
        )
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            headers=headers_of(key) | {"Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS),
            read_bufsize=BUFFER_BYTES,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
        )
        self._secured: set[str] = set()
        """URLs that have answered over TLS: a later TLS error does not mean that the address is wrong."""

    async def post(self, url: str, body: bytes) -> Response | Failure:
        """Send a request and return the response, whatever its status; cancelled early, it raises NotSent."""
        try:
            data = body if len(body) <= BUFFER_BYTES else BytesIO(body)
            response = await self._session.post(url, data=data, allow_redirects=False)
        except (aiohttp.ClientError, OSError, RuntimeError, ValueError) as error:
            if isinstance(error, aiohttp.ClientConnectorError):
                self._connector.clear_dns_cache()
            return _failure(error, url in self._secured)
        if url.startswith("https:"):
            self._secured.add(url)
        if response.status < 200:
            response.close()
            return Failure(
                FailureReason.WRONG_SETUP, f"not an HTTP API: it switches protocols (status {response.status})"
            )
        try:
            content = await _read(response)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            detail = f"the answer is incomplete: {_cause(error)}"
            if response.status < 300:
                return Failure(FailureReason.BROKEN_ANSWER, detail)
            content = detail.encode()  # the status alone is a refusal, which costs nothing
        finally:
            response.close()  # keeps the connection where the response has been read to its end
        return Response(response.status, response.headers, self._without_key(response.status, content))

    def _without_key(self, status: int, content: bytes) -> bytes:
        """Return a body without the key, which some servers repeat."""
        if self._key and (len(self._key) >= MIN_KEY_LENGTH or status >= 300):
            return content.replace(self._key, b"[the key]")
        return content

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()


class _Connector(aiohttp.TCPConnector):
    """Connections that carry nothing but the answer to the next request."""

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """Return a connection on which nothing has arrived unasked. Raises NotSent where the request is cancelled."""
        try:
            while True:
                connection = await super().connect(req, traces, timeout)
                if connection.protocol is not None and not connection.protocol.should_close:
                    return connection
                connection.close()
        except asyncio.CancelledError:
            raise NotSent from None


def headers_of(key: str) -> dict[str, str]:
    """Return the headers of a request; the only place where the key goes."""
    headers = {"Content-Type": "application/json", "User-Agent": f"codeprimer/{__version__}"}
    return headers | ({"Authorization": f"Bearer {key}"} if key else {})


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Return the body. Raises ValueError where it is too long."""
    parts: list[bytes] = []
    size = 0
    while part := await response.content.readany():
        parts.append(part)
        size += len(part)
        if size > MAX_BYTES:
            raise ValueError(f"longer than {MAX_BYTES:,} bytes")
    return b"".join(parts)


def _failure(error: Exception, was_secure: bool) -> Failure:
    """Return why there is no response; what has not been sent is never BROKEN or DROPPED."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return Failure(FailureReason.WRONG_SETUP, f"no secure connection: {_cause(error)}")
        case aiohttp.ClientConnectorSSLError():
            reason = FailureReason.UNREACHABLE if was_secure else FailureReason.WRONG_SETUP
            hint = "" if was_secure else "; is it an http:// address?"
            return Failure(reason, f"no secure connection: {_cause(error)}{hint}")
        case aiohttp.ConnectionTimeoutError():
            return Failure(FailureReason.UNREACHABLE, f"no connection within {CONNECT_SECONDS:.0f} s")
        case aiohttp.ClientConnectorError() | RuntimeError():  # the second where no thread can be started for DNS
            return Failure(FailureReason.UNREACHABLE, f"no connection: {_cause(error)}")
        case ValueError():  # of the URL, or of a host name that DNS cannot encode
            return Failure(FailureReason.WRONG_SETUP, f"not a valid address: {shown(error)}")
        case aiohttp.ClientResponseError():
            if (cause := _cause(error)).startswith("Bad status line"):
                return Failure(FailureReason.WRONG_SETUP, "not an HTTP server")
            return Failure(FailureReason.BROKEN_ANSWER, f"the answer is malformed: {cause.removesuffix(':')}")
        case aiohttp.ServerDisconnectedError():
            return Failure(FailureReason.DROPPED, "the server closed the connection before it answered")
    return Failure(FailureReason.DROPPED, f"the connection was lost before the answer came: {shown(error)}")


def _cause(error: Exception) -> str:
    """Return what led to an error of aiohttp, without what it quotes of the server's bytes."""
    cause = error.__cause__ or error
    message: str = getattr(cause, "message", "")
    return message.strip().partition("\n")[0][:MAX_SHOWN] or shown(cause)


def shown(error: BaseException) -> str:
    """Return an error in one line, shortened; for an error of the system, the system's own words."""
    number = getattr(error, "errno", None)
    is_plain = isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and isinstance(number, int)
    words = os.strerror(number) if is_plain and number is not None and number > 0 else str(error)
    text = " ".join(words.split()) or type(error).__name__
    return text[:MAX_SHOWN]
