"""Messages over a real pair of sockets arrive whole; a message that is too long is refused."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeprimer.sandbox.inside.frames import LENGTH_BYTES, FrameError, Frames

MOST = 2**20


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@given(st.lists(st.binary(max_size=50), max_size=5))
@settings(max_examples=60, deadline=None)
def test_messages_arrive_whole_and_in_order_and_then_the_end(messages: list[bytes]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for message in messages:
            Frames(ours).send(message)
        ours.close()
        frames = Frames(theirs)
        assert [frames.receive(MOST) for _ in messages] == messages
        assert frames.receive(MOST) is None


@given(st.binary(min_size=1, max_size=40))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_a_message_the_end_or_a_frame_error(content: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(content)
        ours.close()
        try:
            message = Frames(theirs).receive(16)
        except FrameError:
            assert int.from_bytes(content[:LENGTH_BYTES], "big") > 16
        else:
            length = int.from_bytes(content[:LENGTH_BYTES], "big")
            whole = content[LENGTH_BYTES : LENGTH_BYTES + length]
            assert message == (whole if len(content) >= LENGTH_BYTES + length else None)


@given(st.lists(st.integers(1, 7), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_a_message_in_pieces_is_put_together(pieces: list[int]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        message = bytes(range(sum(pieces) % 256)) * 3
        stream = len(message).to_bytes(LENGTH_BYTES, "big") + message

        def write() -> None:
            place, turn = 0, 0
            while place < len(stream):
                step = pieces[turn % len(pieces)]
                ours.sendall(stream[place : place + step])
                place, turn = place + step, turn + 1

        writer = threading.Thread(target=write)
        writer.start()
        assert Frames(theirs).receive(MOST) == message
        writer.join()


def test_a_message_longer_than_the_socket_holds_arrives(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    message = bytes(MOST)
    writer = threading.Thread(target=Frames(ours).send, args=(message,))
    writer.start()
    assert Frames(theirs).receive(MOST) == message
    writer.join()


def test_a_message_that_is_too_long_is_refused(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    ours.sendall(b"\xff" * LENGTH_BYTES + b"more")
    with pytest.raises(FrameError, match="4,294,967,295"):
        Frames(theirs).receive(MOST)


def test_sending_to_a_closed_socket_is_an_os_error(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.close()
    with pytest.raises(OSError):
        Frames(ours).send(b"x")
