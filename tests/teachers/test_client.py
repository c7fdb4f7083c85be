"""The client returns what a server said, whichever way it says it, over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import os
import socket
import ssl
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeprimer import __version__
from codeprimer.teachers.client import MAX_BYTES, Client, NotSent, Response
from codeprimer.teachers.outcomes import Failure, FailureReason, read_response

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


class Asking:
    """A client and the address of a server."""

    def __init__(self, url: str) -> None:
        self.client = Client("secret", max_in_flight=400)
        self.url = url

    async def try_post(self, path: str, body: bytes) -> Response | Failure:
        """Send a request; return what became of it."""
        return await self.client.post(self.url + path, body)

    async def post(self, path: str, body: bytes) -> Response:
        """Send a request that has a response."""
        response = await self.try_post(path, body)
        assert isinstance(response, Response), response
        return response


@asynccontextmanager
async def asking(url: str) -> AsyncIterator[Asking]:
    """Yield a client for an address."""
    found = Asking(url)
    try:
        yield found
    finally:
        await found.client.close()


@asynccontextmanager
async def serving(
    server: Server, secure: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Asking]:
    """Yield a client for a server on loopback."""
    listening = await asyncio.start_server(server.serve, host, 0, ssl=secure)
    port = listening.sockets[0].getsockname()[1]
    server.url = f"http{'s' if secure else ''}://{f'[{host}]' if ':' in host else host}:{port}/v1"
    try:
        async with asking(server.url) as found:
            yield found
    finally:
        listening.close()
        await server.ended()


def ask(*answers: bytes | Sequence[bytes], then_ends: bool = False, times: int = 1) -> tuple[list[Response], Server]:
    """Send requests one after the other; return the responses, and the server."""

    async def run() -> list[Response]:
        async with serving(server) as asked:
            return [await asked.post("/chat/completions", b"{}") for _ in range(times)]

    server = Server([[one] if isinstance(one, bytes) else one for one in answers], then_ends)
    return asyncio.run(run()), server


def refused(*answers: bytes | Sequence[bytes]) -> Failure:
    """Return why there is no response."""

    async def run() -> Response | Failure:
        async with serving(server) as asked:
            return await asked.try_post("/chat/completions", b"{}")

    server = Server([[one] if isinstance(one, bytes) else one for one in answers], then_ends=True)
    found = asyncio.run(run())
    assert isinstance(found, Failure)
    return found


def test_a_request_is_what_servers_expect() -> None:
    [_], server = ask(PLAIN)
    host = server.url.removeprefix("http://").removesuffix("/v1").encode()
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    first, *headers = head.splitlines()
    assert first == b"POST /v1/chat/completions HTTP/1.1"
    assert set(headers) == {
        b"Host: " + host,
        b"Accept: */*",
        b"Accept-Encoding: identity",
        b"Content-Type: application/json",
        b"User-Agent: codeprimer/" + __version__.encode(),
        b"Authorization: Bearer secret",
        b"Content-Length: 2",
    }
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
        (b"gzip", b"no gzip", "gzip"),
        (b"br", b"x", "br"),
        (b"gzip", gzip.compress(bytes(MAX_BYTES + 1), mtime=0), "longer than"),
    ],
    ids=["not packed", "another way", "too long"],
)
def test_a_body_that_cannot_be_unpacked_is_a_broken_answer(packing: bytes, content: bytes, said: str) -> None:
    none = refused(packed(packing, content))
    assert none.reason is FailureReason.BROKEN_ANSWER
    assert said in none.detail


def test_a_packed_body_that_was_cut_off_is_no_answer() -> None:
    [response], _ = ask(packed(b"gzip", gzip.compress(orjson.dumps([*range(100)]), mtime=0)[:-12]))
    found = read_response(*response)
    assert isinstance(found, Failure)
    assert found.reason is FailureReason.BROKEN_ANSWER


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
    [response], _ = ask(packed(b"gzip", gzip.compress(bytes(MAX_BYTES))))
    assert len(response.content) == MAX_BYTES


@pytest.mark.parametrize(
    ("answer", "reason", "said"),
    [
        (b"", FailureReason.DROPPED, "before it answered"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", FailureReason.DROPPED, "before it answered"),
        (PLAIN[:-3], FailureReason.BROKEN_ANSWER, "incomplete"),
        (CHUNKED[:-8], FailureReason.BROKEN_ANSWER, "incomplete"),
        (CHUNKED.replace(b"\r\n4\r\n", b"\r\nxyz\r\n"), FailureReason.BROKEN_ANSWER, "chunk size"),
        (PLAIN.replace(b"Content-Length: ", b"Content-Length: x"), FailureReason.BROKEN_ANSWER, "Content-Length"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", FailureReason.WRONG_SETUP, "not an HTTP server"),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nx",
            FailureReason.WRONG_SETUP,
            "101",
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
def test_what_is_no_whole_response_is_called_by_its_name(answer: bytes, reason: FailureReason, said: str) -> None:
    none = refused(answer)
    assert none.reason is reason
    assert said in none.detail


def test_a_body_without_end_is_given_up() -> None:
    endless = [b"HTTP/1.1 200 OK\r\n\r\n", *[bytes(2**22)] * 9]
    none = refused(endless)
    assert none.reason is FailureReason.BROKEN_ANSWER
    assert "longer than" in none.detail


@pytest.mark.parametrize("header", [b"X: y\r\n", b"X: " + b"y" * 2**14])
def test_headers_without_end_are_given_up(header: bytes) -> None:
    assert refused([b"HTTP/1.1 200 OK\r\n", *[header] * 200]).reason is FailureReason.BROKEN_ANSWER


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
        async with serving(server) as asked:
            for _ in range(2):
                assert (await asked.post("/x", bytes(2**24))).content == BODY

    server = Hasty()
    asyncio.run(run())
    assert server.connections == 2


def test_what_is_given_up_before_there_is_a_connection_has_not_been_sent() -> None:
    class Silent(Server):
        """Says nothing."""

        async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()

    async def run() -> bool:
        async with serving(Silent()) as asked:
            asked.url = asked.url.replace("http:", "https:")
            task = asyncio.create_task(asked.post("/x", b""))  # waits for the server's part of TLS
            await asyncio.sleep(0.1)
            task.cancel()
            try:
                await task
            except NotSent:
                return True
            return False

    assert asyncio.run(run())


def resolved(host: str, port: int) -> list[dict[str, Any]]:
    """Return an address as aiohttp's resolvers do."""
    return [{"hostname": "name.test", "host": host, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}]


def test_the_addresses_of_a_name_share_the_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counting(Server):
        """Remembers at which address it was reached."""

        async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            reached.append(writer.get_extra_info("sockname")[0])
            await super().talk(reader, writer)

        async def pieces(self, body: bytes) -> Sequence[bytes]:
            await asyncio.sleep(0.05)
            return [PLAIN]

    async def resolve(self: object, host: str, port: int, **_: object) -> list[dict[str, Any]]:
        looked_up.append(host)
        return resolved("127.0.0.2", port) + resolved("127.0.0.3", port)

    async def run() -> None:
        async with serving(Counting(), host="0.0.0.0") as asked:
            asked.url = asked.url.replace("0.0.0.0", "name.test")
            await asyncio.gather(*(asked.post("/x", b"") for _ in range(10)))

    reached: list[str] = []
    looked_up: list[str] = []
    monkeypatch.setattr(aiohttp.DefaultResolver, "resolve", resolve)
    asyncio.run(run())
    assert sorted(reached) == ["127.0.0.2"] * 5 + ["127.0.0.3"] * 5
    assert len(looked_up) == 1


def test_after_a_connection_was_refused_the_name_is_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(self: object, host: str, port: int, **_: object) -> list[dict[str, Any]]:
        return resolved("127.0.0.1", ports.pop(0))

    async def run() -> int:
        async with serving(Server([[PLAIN]])) as asked:
            ports.append(int(asked.url.removesuffix("/v1").rpartition(":")[2]))
            asked.url = asked.url.replace("127.0.0.1", "name.test")
            first = await asked.try_post("/x", b"")
            assert isinstance(first, Failure)
            assert first.reason is FailureReason.UNREACHABLE
            return (await asked.post("/x", b"")).status

    ports = [1]
    monkeypatch.setattr(aiohttp.DefaultResolver, "resolve", resolve)
    assert asyncio.run(run()) == 200


def test_a_connection_that_the_server_ends_while_it_is_idle_is_not_used_again() -> None:
    async def run() -> None:
        async with serving(server) as asked:
            await asked.post("/x", b"")
            await asyncio.sleep(0.1)
            await asked.post("/x", b"")

    server = Server([[PLAIN], [PLAIN]], then_ends=True)
    asyncio.run(run())
    assert server.connections == 2


def test_what_comes_unasked_is_no_answer_to_the_next_request() -> None:
    async def run() -> bytes:
        async with serving(server) as asked:
            await asked.post("/x", b"")
            await asyncio.sleep(0.1)
            return (await asked.post("/x", b"")).content

    server = Server([[PLAIN, b"", PLAIN.replace(b"text", b"evil")], [PLAIN]])
    assert asyncio.run(run()) == BODY
    assert server.connections == 2


def test_a_request_that_is_given_up_ends_its_connection() -> None:
    async def run() -> bytes:
        async with serving(server) as asked:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asked.post("/x", b""), 0.05)
            return (await asked.post("/x", b"")).content

    server = Server([[PLAIN[:20], *[b""] * 300, PLAIN[20:].replace(b"text", b"late")], [PLAIN]])
    assert asyncio.run(run()) == BODY
    assert server.connections == 2


def test_many_requests_at_once_get_each_its_own_answer() -> None:
    async def run() -> list[Response]:
        async with serving(server) as asked:
            return await asyncio.gather(*(asked.post("/x", b"%d" % number) for number in range(300)))

    server = Echo()
    assert [response.content for response in asyncio.run(run())] == [b"%d" % number for number in range(300)]


def test_an_address_of_the_newer_kind_works() -> None:
    async def run() -> int:
        async with serving(server, host="::1") as asked:
            return (await asked.post("/x", b"")).status

    server = Server([[PLAIN]])
    try:
        assert asyncio.run(run()) == 200
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert b"Host: [::1]:" in server.requests[0]


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://127.0.0.1:1/v1", FailureReason.UNREACHABLE),
        ("http://no-such-host.invalid/v1", FailureReason.UNREACHABLE),
        ("http://127.0.0.1:99999/v1", FailureReason.WRONG_SETUP),
        ("http://", FailureReason.WRONG_SETUP),
        ("http://[::1/v1", FailureReason.WRONG_SETUP),
        (f"http://{'x' * 300}.com/v1", FailureReason.WRONG_SETUP),
    ],
)
def test_an_address_that_cannot_be_reached_is_no_response(address: str, reason: FailureReason) -> None:
    async def run() -> Response | Failure:
        async with asking(address) as asked:
            return await asked.try_post("/x", b"")

    found = asyncio.run(run())
    assert isinstance(found, Failure)
    assert found.reason is reason


def test_a_path_with_characters_of_all_kinds_is_sent_as_an_address_is() -> None:
    async def run() -> None:
        async with serving(server) as asked:
            await asked.post("/a b/ä", b"")

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


ASK_ONCE = """
import asyncio, sys
from codeprimer.teachers.client import Client

async def ask():
    client = Client("", max_in_flight=1)
    response = await client.post(sys.argv[1], b"{}")
    await client.close()
    return response

print(asyncio.run(ask()).status)
"""


def test_a_secure_server_is_asked_where_its_certificate_is_known(tmp_path: Path) -> None:
    shown, context = certificate(tmp_path)

    async def run() -> tuple[Response | Failure, str]:
        async with serving(Server([[PLAIN]]), secure=context) as asked:
            failure = await asked.try_post("/x", b"")
            command = [sys.executable, "-c", ASK_ONCE, asked.url]  # such variables are read when a process begins
            environment = os.environ | {"SSL_CERT_FILE": str(shown)}
            process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=subprocess.PIPE)
            return failure, (await process.communicate())[0].decode()

    failure, status = asyncio.run(run())
    assert isinstance(failure, Failure)
    assert failure.reason is FailureReason.WRONG_SETUP
    assert "certificate" in failure.detail
    assert status == "200\n"


def test_trouble_with_a_server_that_was_secure_before_is_no_wrong_address() -> None:
    class Plain(Server):
        """Knows no TLS."""

        async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async def run(before: bool) -> FailureReason:
        async with serving(Plain()) as asked:
            asked.url = asked.url.replace("http:", "https:")
            if before:
                asked.client._secured.add(f"{asked.url}/x")
            failure = await asked.try_post("/x", b"")
            assert isinstance(failure, Failure)
            return failure.reason

    assert asyncio.run(run(before=False)) is FailureReason.WRONG_SETUP
    assert asyncio.run(run(before=True)) is FailureReason.UNREACHABLE
