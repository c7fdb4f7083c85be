"""One connection to a server: a request goes out, its response comes back whole.

Reads and writes a socket. Its one idea: llhttp, the parser of Node.js, says what has come, and whatever it is becomes a whole
response or the reason why there is none.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import zlib
from collections.abc import Mapping
from typing import NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from codeprimer.teachers.outcomes import Trouble

MOST_BYTES = 2**25
"""No response is longer, packed or unpacked."""

MOST_HEAD_BYTES = 2**16
"""The head of a response is no longer."""

IDLE_SECONDS = 4.0
"""A connection that nobody has used for so long is not used any more [s]: many servers end theirs after 5, and what is sent
at that moment is lost."""

LONGEST_SAID = 200
"""So much of an error is shown [characters]."""

_PACKED = ("gzip", "x-gzip", "deflate")
_NOT_ASKED_FOR = ("br", "zstd", "compress", "x-compress")
_ANY_HEADER = 32
"""zlib: take the header of gzip or of zlib, whichever is there."""

_LENIENT = {
    "lenient_headers": True,
    "lenient_optional_cr_before_lf": True,
    "lenient_optional_lf_after_cr": True,
    "lenient_spaces_after_chunk_size": True,
}
"""What servers get wrong and clients bear."""


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


class Connection(asyncio.Protocol):
    """One connection: at most one request at a time."""

    _transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.is_open = True
        self._loop = loop
        self._idle_since = 0.0
        self._is_reusable = True
        self._parser = HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(**_LENIENT)
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
        self._waiter = self._loop.create_future()
        self._transport.write(request)
        return await self._waiter

    def rest(self) -> bool:
        """Forget the last response, and return whether another request may be sent.

        Not where the server answered before it had the whole request: what is left of that would come first.
        """
        self._begin()
        self._waiter = None
        self._idle_since = self._loop.time()
        return self._is_reusable and not self._transport.is_closing() and not self._transport.get_write_buffer_size()

    @property
    def is_fresh(self) -> bool:
        """Whether it was used a moment ago and is still there."""
        is_there = self.is_open and not self._transport.is_closing()
        return is_there and self._loop.time() - self._idle_since < IDLE_SECONDS

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
            self._break(f"the answer is longer than {MOST_BYTES:,} bytes")
            return
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._fail(Trouble.WRONG_SETUP, "that is no HTTP server for requests: it wants to speak something else")
        except HttpParserError as error:
            if self._speaks_http:  # it has had the request, and may want money for it
                self._break(f"the answer broke off: {said(error)}")
            else:
                self._fail(Trouble.WRONG_SETUP, f"that is no HTTP server: {said(error)}")
        else:
            if not self._has_headers and self._received > MOST_HEAD_BYTES:
                self._break(f"the head of the answer is longer than {MOST_HEAD_BYTES:,} bytes")

    def connection_lost(self, error: Exception | None) -> None:
        """Say what that means to whoever waits."""
        self.is_open = self._is_reusable = False
        if self._has_headers and self._ends_with_connection and error is None:
            self._succeed()
        elif self._has_headers:
            self._break(f"the answer broke off: {_why(error)}")
        else:
            self._fail(Trouble.DROPPED, f"the connection ended before the answer came: {_why(error)}")

    # --- called by the parser -----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Notice a second response to one request."""
        if self._is_whole:
            self._is_reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; what follows the body, or belongs to a second response, is none."""
        if self._has_headers:
            return
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
        self._is_reusable = self._is_reusable and self._parser.should_keep_alive()
        self._succeed()

    # ------------------------------------------------------------------------------------------------------------------

    @property
    def _ends_with_connection(self) -> bool:
        """Whether the end of the connection is the end of the response (RFC 9112, section 6.3)."""
        coding = self._headers.get("transfer-encoding", "").lower()
        return "content-length" not in self._headers and "chunked" not in coding

    @property
    def _speaks_http(self) -> bool:
        """Whether what has come began as a response does."""
        return bool(self._parser.get_status_code()) or self._parser.get_http_version() != "0.0"

    def _succeed(self) -> None:
        self._is_whole = True
        if self._waiter is None or self._waiter.done():
            return
        content = b"".join(self._parts)
        if "content-encoding" in self._headers:
            unpacked = _unpacked(self._headers["content-encoding"].lower(), content)
            if isinstance(unpacked, str):
                self._break(unpacked)
                return
            content = unpacked
        self._waiter.set_result(Response(self._parser.get_status_code(), self._headers, content))

    def _break(self, detail: str) -> None:
        """Say that the response is none; where its status has said no already, that counts, and costs nothing."""
        self._is_reusable = False
        status = self._parser.get_status_code()
        if self._has_headers and status >= 300 and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(Response(status, self._headers, detail.encode()))
        else:
            self._fail(Trouble.BROKEN, detail)

    def _fail(self, trouble: Trouble, detail: str) -> None:
        self._is_reusable = False
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(NoResponse(trouble, detail))


def _unpacked(packing: str, content: bytes) -> bytes | str:
    """Return a body as it was before it was packed, or what is wrong with it."""
    if packing in _NOT_ASKED_FOR:
        return f"the answer is packed as {packing!r}, which nobody has asked for"
    if packing not in _PACKED:  # servers write all sorts of things there
        return content
    parts: list[bytes] = []
    room = MOST_BYTES
    while content:  # gzip may come in several members
        unpacker = zlib.decompressobj(zlib.MAX_WBITS + _ANY_HEADER)
        try:
            parts.append(unpacker.decompress(content, room + 1))
        except zlib.error as error:
            return f"the answer cannot be unpacked: {said(error)}"
        room -= len(parts[-1])
        if room < 0:
            return f"the answer is longer than {MOST_BYTES:,} bytes"
        if not unpacker.eof:
            return "the answer broke off: it cannot be unpacked to its end"
        content = unpacker.unused_data
    return b"".join(parts)


def _why(error: Exception | None) -> str:
    return "the server ended it" if error is None else said(error)


def said(error: BaseException) -> str:
    """Return an error for people, shortened; what the system says, rather than how a library repeats it."""
    number = getattr(error, "errno", None)
    is_plain = isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and isinstance(number, int)
    words = os.strerror(number) if is_plain and number is not None and number > 0 else str(error)
    text = " ".join(words.split()) or type(error).__name__
    return text[:LONGEST_SAID]
