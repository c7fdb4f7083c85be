"""HTTP/1.1 with one address: a request goes out on an idle connection, its response comes back whole.

Reads and writes the network. Its one idea: asking needs one thing of HTTP, a POST whose response is wanted whole, a
thousand times a second; so llhttp, the parser of Node.js, and the event loop do the work, and nothing stands between them.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from aiohappyeyeballs import AddrInfoType, start_connection
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from yarl import URL

from codeprimer.teachers.outcomes import Trouble

MOST_BYTES = 2**25
"""No response is longer, packed or unpacked."""

CONNECT_SECONDS = 30.0
"""How long a connection may take to come about [s]."""

IDLE_SECONDS = 60.0
"""A connection that nobody has used for so long is not used any more [s]."""

RESOLVED_SECONDS = 300.0
"""How long the addresses of a name are remembered [s]."""

SECOND_TRY_SECONDS = 0.25
"""How long one address of a name is tried before the next is tried beside it [s] (RFC 8305)."""

LONGEST_SAID = 200
"""So much of an error is shown [characters]."""

_PACKED = ("gzip", "x-gzip", "deflate")
_ANY_HEADER = 32
"""zlib: take the header of gzip or of zlib, whichever is there."""


class Response(NamedTuple):
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    """The names are in lower case."""
    content: bytes


class NoResponse(Exception):  # noqa: N818  # it is an outcome like others, not an error of ours
    """There is none; ``trouble`` and ``detail`` say why."""

    def __init__(self, trouble: Trouble, detail: str) -> None:
        super().__init__(detail)
        self.trouble = trouble
        self.detail = detail


class Connections:
    """The connections to one address, for the event loop in which they are used."""

    def __init__(self, address: str, headers: Mapping[str, str]) -> None:
        """``headers`` go with every request."""
        self._address = address
        self._headers = headers
        self._heads: dict[str, bytes] = {}
        """For each path what stands before the length of a request's body."""
        self._idle: list[_Connection] = []
        self._secure: ssl.SSLContext | None = None
        self._found: Sequence[AddrInfoType] = ()
        self._found_at = 0.0
        self._finding = asyncio.Lock()

    async def post(self, path: str, body: bytes) -> Response:
        """Send a request and return the response. Raises NoResponse; a cancellation ends the connection."""
        head = self._heads.get(path) or self._head(path)
        connection = self._take() or await self._connect()
        try:
            response = await connection.exchange(b"%b%d\r\n\r\n%b" % (head, len(body), body))
        except BaseException:
            connection.end()
            raise
        if connection.is_reusable:
            connection.idle_since = connection.loop.time()
            self._idle.append(connection)
        else:
            connection.end()
        return response

    def close(self) -> None:
        """End the connections that are idle."""
        for connection in self._idle:
            connection.end()
        self._idle.clear()

    def _take(self) -> _Connection | None:
        """Return the connection that was used last, because servers end those that were used long ago."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and connection.loop.time() - connection.idle_since < IDLE_SECONDS:
                return connection
            connection.end()
        return None

    def _head(self, path: str) -> bytes:
        url = self._url(path)
        host = url.host_port_subcomponent
        lines = [f"POST {url.raw_path_qs} HTTP/1.1", f"Host: {host}", "Accept: */*", "Accept-Encoding: gzip, deflate"]
        lines += [f"{name}: {value}" for name, value in self._headers.items()]
        head = self._heads[path] = "\r\n".join([*lines, "Content-Length: "]).encode("latin-1")
        return head

    def _url(self, path: str = "") -> URL:
        try:
            url = URL(self._address + path)
            if not url.raw_host or not url.port:
                raise ValueError(f"{self._address} names no host")
        except ValueError as error:
            raise NoResponse(Trouble.WRONG_SETUP, f"that is no address: {said(error)}") from None
        return url

    async def _connect(self) -> _Connection:
        url = self._url()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                connected = await start_connection(
                    await self._resolve(url), happy_eyeballs_delay=SECOND_TRY_SECONDS, loop=loop
                )
                secure = self._context() if url.scheme == "https" else None
                _, connection = await loop.create_connection(
                    lambda: _Connection(loop),
                    sock=connected,
                    ssl=secure,
                    server_hostname=url.raw_host if secure else None,
                )
        except ssl.SSLError as error:
            raise NoResponse(
                Trouble.WRONG_SETUP, f"no secure connection: {said(error)}; is it an http:// address?"
            ) from None
        except TimeoutError:
            raise NoResponse(Trouble.UNREACHABLE, f"no connection within {CONNECT_SECONDS:.0f} s") from None
        except OSError as error:
            raise NoResponse(Trouble.UNREACHABLE, f"no connection: {said(error)}") from None
        except ValueError as error:  # a name that no name can be, a port that is none
            raise NoResponse(Trouble.WRONG_SETUP, f"that is no address: {said(error)}") from None
        return connection

    async def _resolve(self, url: URL) -> Sequence[AddrInfoType]:
        """Return what a name stands for; of many that want to know at once, one asks."""
        loop = asyncio.get_running_loop()
        async with self._finding:
            if not self._found or loop.time() - self._found_at > RESOLVED_SECONDS:
                self._found = await loop.getaddrinfo(url.raw_host, url.port, type=socket.SOCK_STREAM)
                self._found_at = loop.time()
        return self._found

    def _context(self) -> ssl.SSLContext:
        if self._secure is None:
            self._secure = ssl.create_default_context()
            self._secure.set_alpn_protocols(["http/1.1"])
        return self._secure


class _Connection(asyncio.Protocol):
    """One connection: at most one request at a time."""

    _transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.idle_since = 0.0
        self.is_open = True
        self.is_reusable = True
        self._parser = HttpResponseParser(self)
        self._waiter: asyncio.Future[Response] | None = None
        self._begin()

    def _begin(self) -> None:
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []
        self._received = 0
        self._has_headers = self._is_whole = False

    async def exchange(self, request: bytes) -> Response:
        """Send a request and return what comes back. Raises NoResponse."""
        self._begin()
        self._waiter = self.loop.create_future()
        self._transport.write(request)
        return await self._waiter

    def end(self) -> None:
        """End the connection; nobody waits for anything from it."""
        self.is_open = False
        self._transport.abort()

    # --- called by the event loop -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Parse what has come."""
        if self._waiter is None or self._waiter.done():
            self.end()  # nobody has asked for this
            return
        self._received += len(data)
        if self._received > MOST_BYTES:
            self._fail(Trouble.BROKEN, f"the answer is longer than {MOST_BYTES:,} bytes")
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if self._has_headers:
                self._fail(Trouble.BROKEN, f"the answer broke off: {said(error)}")
            else:
                self._fail(Trouble.WRONG_SETUP, f"that is no HTTP server: {said(error)}")

    def connection_lost(self, error: Exception | None) -> None:
        """Say what that means to whoever waits."""
        self.is_open = self.is_reusable = False
        if self._has_headers and self._ends_with_connection and error is None:
            self._succeed()
        elif self._has_headers:
            self._fail(Trouble.BROKEN, f"the answer broke off: {_why(error)}")
        else:
            self._fail(Trouble.DROPPED, f"the connection ended before the answer came: {_why(error)}")

    # --- called by the parser -----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Notice a second response to one request."""
        if self._is_whole:
            self.is_reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Know that a body follows, if any; what the server says beforehand (1xx) is not the response."""
        self._has_headers = self._parser.get_status_code() >= 200

    def on_body(self, part: bytes) -> None:
        """Keep a part of the body."""
        self._parts.append(part)

    def on_message_complete(self) -> None:
        """Hand over the response."""
        if not self._has_headers:
            self._headers = {}
            return
        self.is_reusable = self.is_reusable and self._parser.should_keep_alive()
        self._succeed()

    # ------------------------------------------------------------------------------------------------------------------

    @property
    def _ends_with_connection(self) -> bool:
        """Whether the end of the connection is the end of the response (RFC 9112, section 6.3)."""
        return "content-length" not in self._headers and "chunked" not in self._headers.get("transfer-encoding", "")

    def _succeed(self) -> None:
        self._is_whole = True
        if self._waiter is None or self._waiter.done():
            return
        content = b"".join(self._parts)
        if (packing := self._headers.get("content-encoding", "identity").lower()) != "identity":
            unpacked = _unpacked(packing, content)
            if isinstance(unpacked, str):
                self._fail(Trouble.BROKEN, unpacked)
                return
            content = unpacked
        self._waiter.set_result(Response(self._parser.get_status_code(), self._headers, content))

    def _fail(self, trouble: Trouble, detail: str) -> None:
        self.is_reusable = False
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(NoResponse(trouble, detail))


def _unpacked(packing: str, content: bytes) -> bytes | str:
    """Return a body as it was before it was packed, or what is wrong with it."""
    if packing not in _PACKED:
        return f"the answer is packed as {packing[:LONGEST_SAID]!r}, which nobody has asked for"
    unpacker = zlib.decompressobj(zlib.MAX_WBITS + _ANY_HEADER)
    try:
        unpacked = unpacker.decompress(content, MOST_BYTES)
    except zlib.error as error:
        return f"the answer cannot be unpacked: {said(error)}"
    if unpacker.unconsumed_tail:
        return f"the answer is longer than {MOST_BYTES:,} bytes"
    return unpacked if unpacker.eof else "the answer broke off: it cannot be unpacked to its end"


def _why(error: Exception | None) -> str:
    return "the server ended it" if error is None else said(error)


def said(error: BaseException) -> str:
    """Return an error for people, shortened; what the system says, rather than how a library repeats it."""
    number = getattr(error, "errno", None)
    is_plain = isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and isinstance(number, int)
    words = os.strerror(number) if is_plain and number is not None and number > 0 else str(error)
    text = " ".join(words.split()) or type(error).__name__
    return text[:LONGEST_SAID]
