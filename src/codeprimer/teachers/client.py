"""The HTTP client: sends a request and returns the whole response, or the reason why there is none.

Uses the network through aiohttp. Key idea: the client knows whether a request has been sent, so a caller can distinguish
an attempt that costs nothing from an attempt that may be billed.
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
"""An idle connection is reused only within this time [s]: many servers close it after 5 s, losing a request sent just then."""

DNS_SECONDS = 300
"""How long DNS results are cached [s]."""

BUFFER_BYTES = 2**20
"""Size of aiohttp's read buffer; aiohttp also warns about larger request bodies unless they are file objects."""

MAX_SHOWN = 200
"""Maximum length of an error text [characters]."""


MIN_KEY_LENGTH = 12
"""A key shorter than this is a placeholder such as ``EMPTY``, which may be a word in an answer [characters]."""


class Response(NamedTuple):
    """A server's response."""

    status: int
    headers: Mapping[str, str]
    """Names are case-insensitive."""
    content: bytes


class NotSent(asyncio.CancelledError):
    """A request was cancelled before it had a connection, so the server has received nothing."""


class Client:
    """A pool of connections to one teacher's URLs, for the running event loop."""

    def __init__(self, key: str, max_in_flight: int, addresses: int = 1) -> None:
        """``addresses`` is the number of URLs; ``max_in_flight`` limits the connections to each."""
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
        """URLs that have answered over TLS: a later TLS error does not mean that the URL is wrong."""

    async def post(self, url: str, body: bytes) -> Response | Failure:
        """Send a request and return the response, whatever its status. Raises NotSent if cancelled before connecting."""
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
            content = detail.encode()  # the status alone shows a refusal, which costs nothing
        finally:
            response.close()  # keeps the connection if the response has been read completely
        return Response(response.status, response.headers, self._without_key(response.status, content))

    def _without_key(self, status: int, content: bytes) -> bytes:
        """Return a body with the key removed, because some servers echo the key."""
        if self._key and (len(self._key) >= MIN_KEY_LENGTH or status >= 300):
            return content.replace(self._key, b"[the key]")
        return content

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()


class _Connector(aiohttp.TCPConnector):
    """A connector that discards idle connections on which unexpected data has arrived."""

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """Return a connection on which no unexpected data has arrived. Raises NotSent if the request is cancelled."""
        try:
            while True:
                connection = await super().connect(req, traces, timeout)
                if connection.protocol is not None and not connection.protocol.should_close:
                    return connection
                connection.close()
        except asyncio.CancelledError:
            raise NotSent from None


def headers_of(key: str) -> dict[str, str]:
    """Return a request's headers; the key is used nowhere else."""
    headers = {"Content-Type": "application/json", "User-Agent": f"codeprimer/{__version__}"}
    return headers | ({"Authorization": f"Bearer {key}"} if key else {})


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Return the body. Raises ValueError if it is too long."""
    parts: list[bytes] = []
    size = 0
    while part := await response.content.readany():
        parts.append(part)
        size += len(part)
        if size > MAX_BYTES:
            raise ValueError(f"longer than {MAX_BYTES:,} bytes")
    return b"".join(parts)


def _failure(error: Exception, was_secure: bool) -> Failure:
    """Return why there is no response; a request that was not sent is never BROKEN_ANSWER or DROPPED."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return Failure(FailureReason.WRONG_SETUP, f"no secure connection: {_cause(error)}")
        case aiohttp.ClientConnectorSSLError():
            reason = FailureReason.UNREACHABLE if was_secure else FailureReason.WRONG_SETUP
            hint = "" if was_secure else "; is it an http:// address?"
            return Failure(reason, f"no secure connection: {_cause(error)}{hint}")
        case aiohttp.ConnectionTimeoutError():
            return Failure(FailureReason.UNREACHABLE, f"no connection within {CONNECT_SECONDS:.0f} s")
        case aiohttp.ClientConnectorError() | RuntimeError():  # RuntimeError: no thread for DNS
            return Failure(FailureReason.UNREACHABLE, f"no connection: {_cause(error)}")
        case ValueError():  # an invalid URL, or a host name that DNS cannot encode
            return Failure(FailureReason.WRONG_SETUP, f"not a valid address: {shown(error)}")
        case aiohttp.ClientResponseError():
            if (cause := _cause(error)).startswith("Bad status line"):
                return Failure(FailureReason.WRONG_SETUP, "not an HTTP server")
            return Failure(FailureReason.BROKEN_ANSWER, f"the answer is malformed: {cause.removesuffix(':')}")
        case aiohttp.ServerDisconnectedError():
            return Failure(FailureReason.DROPPED, "the server closed the connection before it answered")
    return Failure(FailureReason.DROPPED, f"the connection was lost before the answer came: {shown(error)}")


def _cause(error: Exception) -> str:
    """Return the cause of an aiohttp error, without the bytes that it quotes from the server."""
    cause = error.__cause__ or error
    message: str = getattr(cause, "message", "")
    return message.strip().partition("\n")[0][:MAX_SHOWN] or shown(cause)


def shown(error: BaseException) -> str:
    """Return an error as one shortened line; for a system error, the operating system's own message."""
    number = getattr(error, "errno", None)
    is_plain = isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and isinstance(number, int)
    words = os.strerror(number) if is_plain and number is not None and number > 0 else str(error)
    text = " ".join(words.split()) or type(error).__name__
    return text[:MAX_SHOWN]
