"""The connections to one address, used again and again.

Reads and writes the network. Its one idea: asking needs one thing of HTTP, a POST whose response is wanted whole, a
thousand times a second; so a request takes an idle connection, or makes one, and nothing else stands between.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping

from aiohappyeyeballs import AddrInfoType, start_connection
from yarl import URL

from codeprimer.teachers.exchange import Connection, NoResponse, Response, said
from codeprimer.teachers.outcomes import Trouble

CONNECT_SECONDS = 15.0
"""How long a connection may take to come about [s]."""

RESOLVED_SECONDS = 300.0
"""How long the addresses of a name are remembered [s]."""

SECOND_TRY_SECONDS = 0.25
"""How long one address of a name is tried before the next is tried beside it [s] (RFC 8305)."""


class NotSent(asyncio.CancelledError):
    """A request was given up while its connection came about: the server has not had it."""


class Connections:
    """The connections to one address, for the event loop in which they are used."""

    def __init__(self, address: str, headers: Mapping[str, str]) -> None:
        """``headers`` go with every request."""
        self._address = address
        self._headers = headers
        self._heads: dict[str, bytes] = {}
        """For each path what stands before the length of a request's body."""
        self._idle: list[Connection] = []
        self._secure: ssl.SSLContext | None = None
        self._found: list[AddrInfoType] = []
        self._found_at = 0.0
        self._finding: asyncio.Task[None] | None = None
        self._has_been_secure = False
        """Whether the server has shown that it can be trusted: what goes wrong after that is no wrong address."""

    async def post(self, path: str, body: bytes) -> Response:
        """Send a request and return the response.

        Raises NoResponse. A cancellation ends the connection; it is NotSent where nothing has been sent.
        """
        head = self._heads.get(path) or self._head(path)
        if (connection := self._take()) is None:
            try:
                connection = await self._connect()
            except asyncio.CancelledError:
                raise NotSent from None
        try:
            response = await connection.exchange(b"%b%d\r\n\r\n%b" % (head, len(body), body))
        except BaseException:
            connection.end()
            raise
        if connection.rest():
            self._idle.append(connection)
        else:
            connection.end()
        return response

    def close(self) -> None:
        """End the connections that are idle."""
        if self._finding is not None:
            self._finding.cancel()
        for connection in self._idle:
            connection.end()
        self._idle.clear()

    def _take(self) -> Connection | None:
        """Return the connection that was used last, because servers end those that were used long ago."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_fresh:
                return connection
            connection.end()
        return None

    def _head(self, path: str) -> bytes:
        url = self._url(path)
        host = url.host_port_subcomponent
        lines = [f"POST {url.raw_path_qs} HTTP/1.1", f"Host: {host}", "Accept: */*", "Accept-Encoding: gzip"]
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

    async def _connect(self) -> Connection:
        url = self._url()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                found = await self._resolve(url)
                connected = await start_connection(found, happy_eyeballs_delay=SECOND_TRY_SECONDS, loop=loop)
                secure = self._context() if url.scheme == "https" else None
                host = url.raw_host.rstrip(".") if secure and url.raw_host else None
                _, connection = await loop.create_connection(
                    lambda: Connection(loop), sock=connected, ssl=secure, server_hostname=host
                )
        except ssl.SSLError as error:
            is_lasting = isinstance(error, ssl.SSLCertVerificationError) or not self._has_been_secure
            trouble = Trouble.WRONG_SETUP if is_lasting else Trouble.UNREACHABLE
            hint = "; is it an http:// address?" if is_lasting else ""
            raise NoResponse(trouble, f"no secure connection: {said(error)}{hint}") from None
        except TimeoutError:
            self._found = []
            raise NoResponse(Trouble.UNREACHABLE, f"no connection within {CONNECT_SECONDS:.0f} s") from None
        except (OSError, RuntimeError) as error:  # the second where the system gives no thread to look a name up
            self._found = []
            raise NoResponse(Trouble.UNREACHABLE, f"no connection: {said(error)}") from None
        except ValueError as error:  # a name that no name can be, a port that is none
            raise NoResponse(Trouble.WRONG_SETUP, f"that is no address: {said(error)}") from None
        self._has_been_secure = secure is not None
        return connection

    async def _resolve(self, url: URL) -> list[AddrInfoType]:
        """Return what a name stands for, each time another one first; of many that want to know at once, one asks."""
        if not self._found or asyncio.get_running_loop().time() - self._found_at > RESOLVED_SECONDS:
            if self._finding is None or self._finding.done():
                self._finding = asyncio.create_task(self._find(url))
                self._finding.add_done_callback(_forget)
            await asyncio.shield(self._finding)
        self._found = [*self._found[1:], *self._found[:1]]
        return self._found

    async def _find(self, url: URL) -> None:
        self._found = await _look_up(url)
        self._found_at = asyncio.get_running_loop().time()

    def _context(self) -> ssl.SSLContext:
        if self._secure is None:
            self._secure = ssl.create_default_context()
            self._secure.set_alpn_protocols(["http/1.1"])
        return self._secure


async def _look_up(url: URL) -> list[AddrInfoType]:
    loop = asyncio.get_running_loop()
    return list(await loop.getaddrinfo(url.raw_host, url.port, type=socket.SOCK_STREAM))


def _forget(task: asyncio.Task[None]) -> None:
    """Take note of how a look-up ended, though everybody who waited may have gone."""
    if not task.cancelled():
        task.exception()
