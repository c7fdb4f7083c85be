"""Connections say what a server said, whatever way it says it, over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import subprocess
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from aiohappyeyeballs import AddrInfoType
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from codeprimer.teachers.connections import Connections, NotSent
from codeprimer.teachers.exchange import MOST_BYTES, NoResponse, Response
from codeprimer.teachers.outcomes import Trouble

HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer secret"}
BODY = b'{"text": "\xc3\xa4"}'
PLAIN = b"HTTP/1.1 200 OK\r\nX-Name: Value\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (
    BODY[:4],
    len(BODY) - 4,
    BODY[4:],
)
UNTIL_THE_END = b"HTTP/1.0 200 OK\r\n\r\n" + BODY
AFTER_A_WORD = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + PLAIN


class Server:
    """Answers each request with the next of some pieces of bytes; keeps what it was sent."""

    def __init__(self, answers: Sequence[Sequence[bytes]] = (), then_ends: bool = False) -> None:
        self._answers = list(answers)
        self._then_ends = then_ends
        self._served: set[asyncio.Task[None] | None] = set()
        self.requests: list[bytes] = []
        self.connections = 0
        self.url = ""

    async def pieces(self, body: bytes) -> Sequence[bytes]:
        """Return what is sent one after the other."""
        del body
        return self._answers.pop(0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        self._served.add(asyncio.current_task())
        try:
            await self.talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests."""
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
            self.requests.append(head + body)
            for piece in await self.pieces(body):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.001)
            if self._then_ends:
                break

    async def ended(self) -> None:
        """Return when nobody is served any more."""
        await asyncio.gather(*(task for task in self._served if task is not None))


class Echo(Server):
    """Says what it was told, after a number of milliseconds that depends on it."""

    async def pieces(self, body: bytes) -> Sequence[bytes]:
        """Return the body of the request."""
        await asyncio.sleep(0.001 * (int(body) % 7))
        return [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)]


@asynccontextmanager
async def serving(
    server: Server, secure: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Connections]:
    """Yield connections to a server on loopback."""
    listening = await asyncio.start_server(server.serve, host, 0, ssl=secure)
    port = listening.sockets[0].getsockname()[1]
    server.url = f"http{'s' if secure else ''}://{f'[{host}]' if ':' in host else host}:{port}/v1"
    connections = Connections(server.url, HEADERS)
    try:
        yield connections
    finally:
        connections.close()
        listening.close()
        await server.ended()


def ask(*answers: bytes | Sequence[bytes], then_ends: bool = False, times: int = 1) -> tuple[list[Response], Server]:
    """Send requests one after the other; return the responses, and the server."""

    async def run() -> list[Response]:
        async with serving(server) as connections:
            return [await connections.post("/chat/completions", b"{}") for _ in range(times)]

    server = Server([[one] if isinstance(one, bytes) else one for one in answers], then_ends)
    return asyncio.run(run()), server


def refused(*answers: bytes | Sequence[bytes], then_ends: bool = True) -> NoResponse:
    """Return why there is no response."""
    with pytest.raises(NoResponse) as caught:
        ask(*answers, then_ends=then_ends)
    return caught.value


def test_a_request_is_what_servers_expect() -> None:
    [_], server = ask(PLAIN)
    host = server.url.removeprefix("http://").removesuffix("/v1").encode()
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.splitlines() == [
        b"POST /v1/chat/completions HTTP/1.1",
        b"Host: " + host,
        b"Accept: */*",
        b"Accept-Encoding: gzip",
        b"Content-Type: application/json",
        b"Authorization: Bearer secret",
        b"Content-Length: 2",
    ]
    assert body == b"{}"


@pytest.mark.parametrize(
    "answer", [PLAIN, CHUNKED, UNTIL_THE_END, AFTER_A_WORD], ids=["plain", "chunked", "until the end", "after a word"]
)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_response_is_the_same_in_whatever_pieces_it_comes(answer: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(answer) - 1), max_size=6)))
    pieces = [answer[start:end] for start, end in zip([0, *cuts], [*cuts, len(answer)], strict=True)]
    [response], _ = ask(pieces, then_ends=answer is UNTIL_THE_END)
    assert (response.status, response.content) == (200, BODY)
    assert "link" not in response.headers


def test_the_names_of_headers_are_in_lower_case_and_values_stay() -> None:
    [response], _ = ask(PLAIN)
    assert response.headers["x-name"] == "Value"


def packed(packing: bytes, content: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n%b" % (packing, len(content), content)


@pytest.mark.parametrize(
    ("packing", "pack"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress), (b"identity", bytes)]
)
def test_a_packed_body_is_unpacked(packing: bytes, pack: Callable[[bytes], bytes]) -> None:
    [response], _ = ask(packed(packing, pack(BODY)))
    assert response.content == BODY


@pytest.mark.parametrize(
    ("packing", "content", "said"),
    [
        (b"gzip", b"no gzip", "cannot be unpacked"),
        (b"gzip", gzip.compress(BODY, mtime=0)[:-3], "cannot be unpacked to its end"),
        (b"br", b"x", "packed as 'br'"),
        (b"gzip", gzip.compress(bytes(MOST_BYTES + 1), mtime=0), "longer than"),
    ],
    ids=["not packed", "cut off", "another way", "too long"],
)
def test_a_body_that_cannot_be_unpacked_is_a_broken_answer(packing: bytes, content: bytes, said: str) -> None:
    none = refused(packed(packing, content))
    assert none.trouble is Trouble.BROKEN
    assert said in none.detail


def test_a_body_in_several_members_is_unpacked_whole() -> None:
    [response], _ = ask(packed(b"gzip", gzip.compress(BODY[:4]) + gzip.compress(BODY[4:])))
    assert response.content == BODY


@pytest.mark.parametrize("name", [b"", b"none", b"utf-8"])
def test_a_packing_that_is_none_is_passed_over(name: bytes) -> None:
    [response], _ = ask(packed(name, BODY))
    assert response.content == BODY


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(PLAIN.replace(b"\r\n", b"\n"), id="lines end with one character"),
        pytest.param(PLAIN.replace(b"X-Name: Value", b"X-Name: a\r\n folded"), id="a header on two lines"),
        pytest.param(PLAIN.replace(b"Value", b"a\x01b"), id="a control character"),
        pytest.param(CHUNKED.replace(b"\r\n4\r\n", b"\r\n4  \r\n"), id="a size with spaces"),
        pytest.param(
            CHUNKED.removesuffix(b"\r\n") + b"Content-Encoding: br\r\nX: y\r\n\r\n", id="headers after the body"
        ),
    ],
)
def test_small_faults_of_servers_are_borne(answer: bytes) -> None:
    [response], _ = ask(answer)
    assert (response.status, response.content) == (200, BODY)
    assert "content-encoding" not in response.headers


@pytest.mark.parametrize("status", [b"429", b"401", b"503"])
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(packed(b"gzip", b"no gzip"), id="not packed"),
        pytest.param(packed(b"gzip", b""), id="nothing"),
        pytest.param(packed(b"br", b"x"), id="packed another way"),
        pytest.param(PLAIN[:-3], id="half the body"),
        pytest.param(CHUNKED[:-8], id="half the chunks"),
    ],
)
def test_a_no_counts_whatever_is_wrong_with_its_body(status: bytes, answer: bytes) -> None:
    answer = answer.replace(b"200 OK", status + b" No\r\nRetry-After: 7", 1)
    [response], _ = ask(answer, then_ends=True)
    assert response.status == int(status)
    assert response.headers["retry-after"] == "7"


def test_a_body_of_exactly_the_most_is_taken() -> None:
    [response], _ = ask(packed(b"gzip", gzip.compress(bytes(MOST_BYTES))))
    assert len(response.content) == MOST_BYTES


@pytest.mark.parametrize(
    ("answer", "trouble", "said"),
    [
        (b"", Trouble.DROPPED, "the connection ended before the answer came: the server ended it"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", Trouble.DROPPED, "before the answer came"),
        (PLAIN[:-3], Trouble.BROKEN, "the answer broke off: the server ended it"),
        (CHUNKED[:-8], Trouble.BROKEN, "the answer broke off"),
        (CHUNKED.replace(b"\r\n4\r\n", b"\r\nxyz\r\n"), Trouble.BROKEN, "the answer broke off"),
        (PLAIN.replace(b"Content-Length: ", b"Content-Length: x"), Trouble.BROKEN, "the answer broke off"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Trouble.WRONG_SETUP, "that is no HTTP server"),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nx",
            Trouble.WRONG_SETUP,
            "no HTTP",
        ),
    ],
    ids=[
        "nothing",
        "half the head",
        "half the body",
        "half the chunks",
        "a chunk of no size",
        "a bad head",
        "not HTTP",
        "upgrade",
    ],
)
def test_what_is_no_whole_response_is_called_by_its_name(answer: bytes, trouble: Trouble, said: str) -> None:
    none = refused(answer)
    assert none.trouble is trouble
    assert said in none.detail


def test_a_body_without_end_is_given_up() -> None:
    endless = [b"HTTP/1.1 200 OK\r\n\r\n", *[bytes(2**22)] * 9]
    none = refused(endless)
    assert none.trouble is Trouble.BROKEN
    assert "longer than" in none.detail


def test_headers_without_end_are_given_up() -> None:
    endless = [b"HTTP/1.1 200 OK\r\n", *[b"X: %b\r\n" % (b"y" * 2**14)] * 9]
    none = refused(endless)
    assert none.trouble is Trouble.BROKEN
    assert "the head of the answer is longer than" in none.detail


def test_a_connection_is_used_again() -> None:
    responses, server = ask(PLAIN, CHUNKED, PLAIN, times=3)
    assert [response.content for response in responses] == [BODY] * 3
    assert server.connections == 1


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(PLAIN.replace(b"X-Name: Value", b"Connection: close"), id="the server says so"),
        pytest.param(PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"), id="an old server"),
        pytest.param(PLAIN + PLAIN, id="it said more than it was asked"),
    ],
)
def test_a_connection_is_not_used_again_where_that_is_not_safe(first: bytes) -> None:
    responses, server = ask(first, PLAIN, times=2)
    assert [response.content for response in responses] == [BODY] * 2
    assert server.connections == 2


def test_what_a_second_response_says_is_not_said_by_the_first() -> None:
    second = b"HTTP/1.1 429 No\r\nContent-Type: text/html\r\nX-Ratelimit-Reset: 9h\r\nContent-Length: 0\r\n\r\n"
    [response], _ = ask(PLAIN + second)
    assert response.status == 200
    assert not {"content-type", "x-ratelimit-reset"} & response.headers.keys()


def test_a_connection_on_which_a_request_is_still_under_way_is_not_used_again() -> None:
    class Hasty(Server):
        """Answers before it has read what it is asked."""

        async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(PLAIN)
            await asyncio.sleep(0.3)

    async def run() -> None:
        async with serving(server) as connections:
            for _ in range(2):
                assert (await connections.post("/x", bytes(2**24))).content == BODY

    server = Hasty()
    asyncio.run(run())
    assert server.connections == 2


def test_what_is_given_up_before_there_is_a_connection_has_not_been_sent() -> None:
    class Silent(Server):
        """Says nothing."""

        async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()

    async def run() -> bool:
        async with serving(Silent()) as connections:
            secure = Connections(connections._address.replace("http:", "https:"), HEADERS)
            asking = asyncio.create_task(secure.post("/x", b""))  # waits for the server's part of TLS
            await asyncio.sleep(0.1)
            asking.cancel()
            try:
                await asking
            except NotSent:
                return True
            return False

    assert asyncio.run(run())


def test_the_addresses_of_a_name_share_the_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counting(Server):
        """Remembers at which address it was reached."""

        async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            reached.append(writer.get_extra_info("sockname")[0])
            await super().talk(reader, writer)

        async def pieces(self, body: bytes) -> Sequence[bytes]:
            await asyncio.sleep(0.05)
            return [PLAIN]

    async def look_up(url: URL) -> list[AddrInfoType]:
        looked_up.append(url)
        kind = socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, ""
        return [(*kind, (host, url.port)) for host in ("127.0.0.2", "127.0.0.3")]

    async def run() -> None:
        async with serving(Counting(), host="0.0.0.0") as connections:
            await asyncio.gather(*(connections.post("/x", b"") for _ in range(10)))

    reached: list[str] = []
    looked_up: list[URL] = []
    monkeypatch.setattr("codeprimer.teachers.connections._look_up", look_up)
    asyncio.run(run())
    assert sorted(reached) == ["127.0.0.2"] * 5 + ["127.0.0.3"] * 5
    assert len(looked_up) == 1


def test_after_a_connection_was_refused_the_name_is_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def look_up(url: URL) -> list[AddrInfoType]:
        kind = socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, ""
        return [(*kind, ("127.0.0.1", ports.pop(0)))]

    async def run() -> int:
        async with serving(Server([[PLAIN]])) as connections:
            ports.append(int(connections._url().port or 0))
            with pytest.raises(NoResponse, match="no connection"):
                await connections.post("/x", b"")
            return (await connections.post("/x", b"")).status

    ports = [1]
    monkeypatch.setattr("codeprimer.teachers.connections._look_up", look_up)
    assert asyncio.run(run()) == 200


def test_a_connection_that_the_server_ends_while_it_is_idle_is_not_used_again() -> None:
    async def run() -> None:
        async with serving(server) as connections:
            await connections.post("/x", b"")
            await asyncio.sleep(0.1)
            await connections.post("/x", b"")

    server = Server([[PLAIN], [PLAIN]], then_ends=True)
    asyncio.run(run())
    assert server.connections == 2


def test_what_comes_unasked_is_no_answer_to_the_next_request() -> None:
    async def run() -> bytes:
        async with serving(server) as connections:
            await connections.post("/x", b"")
            await asyncio.sleep(0.1)
            return (await connections.post("/x", b"")).content

    server = Server([[PLAIN, b"", PLAIN.replace(b"text", b"evil")], [PLAIN]])
    assert asyncio.run(run()) == BODY
    assert server.connections == 2


def test_a_request_that_is_given_up_ends_its_connection() -> None:
    async def run() -> bytes:
        async with serving(server) as connections:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(connections.post("/x", b""), 0.05)
            return (await connections.post("/x", b"")).content

    server = Server([[PLAIN[:20], *[b""] * 300, PLAIN[20:].replace(b"text", b"late")], [PLAIN]])
    assert asyncio.run(run()) == BODY
    assert server.connections == 2


def test_many_requests_at_once_get_each_its_own_answer() -> None:
    async def run() -> list[Response]:
        async with serving(server) as connections:
            return await asyncio.gather(*(connections.post("/x", b"%d" % number) for number in range(300)))

    server = Echo()
    assert [response.content for response in asyncio.run(run())] == [b"%d" % number for number in range(300)]


def test_an_address_of_the_newer_kind_works() -> None:
    async def run() -> int:
        async with serving(server, host="::1") as connections:
            return (await connections.post("/x", b"")).status

    server = Server([[PLAIN]])
    try:
        assert asyncio.run(run()) == 200
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert b"Host: [::1]:" in server.requests[0]


def post_once(address: str) -> Awaitable[Response]:
    return Connections(address, HEADERS).post("/x", b"")


@pytest.mark.parametrize(
    ("address", "trouble"),
    [
        ("http://127.0.0.1:1/v1", Trouble.UNREACHABLE),
        ("http://no-such-host.invalid/v1", Trouble.UNREACHABLE),
        ("http://127.0.0.1:99999/v1", Trouble.WRONG_SETUP),
        ("http://", Trouble.WRONG_SETUP),
        ("http://[::1/v1", Trouble.WRONG_SETUP),
        (f"http://{'x' * 300}.com/v1", Trouble.WRONG_SETUP),
    ],
)
def test_an_address_that_cannot_be_reached_is_no_response(address: str, trouble: Trouble) -> None:
    async def run() -> None:
        await post_once(address)

    with pytest.raises(NoResponse) as caught:
        asyncio.run(run())
    assert caught.value.trouble is trouble


def test_a_path_with_characters_of_all_kinds_is_sent_as_an_address_is() -> None:
    async def run() -> None:
        async with serving(server) as connections:
            await connections.post("/a b/ä", b"")

    server = Server([[PLAIN]])
    asyncio.run(run())
    assert server.requests[0].splitlines()[0] == b"POST /v1/a%20b/%C3%A4 HTTP/1.1"


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Return a certificate for this machine, and what a server needs to show it."""
    key, shown = folder / "key.pem", folder / "certificate.pem"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {shown} -days 2 -subj /CN=localhost"
    subprocess.run([*command.split(), "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown, key)
    return shown, context


def test_a_secure_server_is_asked_where_its_certificate_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, context = certificate(tmp_path)

    async def run() -> Response:
        async with serving(Server([[PLAIN]]), secure=context) as connections:
            return await connections.post("/x", b"")

    with pytest.raises(NoResponse) as caught:
        asyncio.run(run())
    assert caught.value.trouble is Trouble.WRONG_SETUP
    assert "certificate" in caught.value.detail
    monkeypatch.setenv("SSL_CERT_FILE", str(shown))
    assert asyncio.run(run()).content == BODY


def test_trouble_with_a_server_that_was_secure_before_is_no_wrong_address() -> None:
    class Plain(Server):
        """Knows no TLS."""

        async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async def run(before: bool) -> Trouble:
        async with serving(Plain()) as connections:
            secure = Connections(connections._address.replace("http:", "https:"), HEADERS)
            secure._has_been_secure = before
            with pytest.raises(NoResponse) as caught:
                await secure.post("/x", b"")
            return caught.value.trouble

    assert asyncio.run(run(before=False)) is Trouble.WRONG_SETUP
    assert asyncio.run(run(before=True)) is Trouble.UNREACHABLE
