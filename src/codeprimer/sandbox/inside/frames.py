"""Messages over a stream: a four-byte length, then the content.

The receiver sets the maximum length, and refuses a longer message before storing more of it than one read returns.
"""

from __future__ import annotations

import _socket
import contextlib

LENGTH_BYTES = 4
READ_BYTES = 2**16


class FrameError(Exception):
    """A message is too long."""


def framed(content: bytes) -> bytes:
    """Return a message, prefixed with its length."""
    return len(content).to_bytes(LENGTH_BYTES, "big") + content


class Frames:
    """Sends and receives messages on one stream; most messages arrive in one read."""

    def __init__(self, stream: _socket.socket) -> None:
        self._stream = stream
        self._rest = b""

    def send(self, content: bytes) -> None:
        """Write one message [bytes]. Raises OSError if the other side has closed."""
        self._stream.sendall(framed(content))

    def receive(self, maximum: int) -> bytes | None:
        """Return the next message, or None if the other side has closed.

        Raises FrameError if it is longer than ``maximum`` [bytes], OSError if the stream is broken.
        """
        head = self._take(LENGTH_BYTES)
        if head is None:
            return None
        length = int.from_bytes(head, "big")
        if length > maximum:
            raise FrameError(f"a message of {length:,} bytes, but at most {maximum:,} are allowed")
        return self._take(length)

    def has_whole(self) -> bool:
        """Return whether ``receive`` would return a message without waiting."""
        if len(self._rest) < LENGTH_BYTES + int.from_bytes(self._rest[:LENGTH_BYTES], "big"):
            with contextlib.suppress(OSError):
                self._rest += self._stream.recv(READ_BYTES, _socket.MSG_DONTWAIT)
        return LENGTH_BYTES + int.from_bytes(self._rest[:LENGTH_BYTES], "big") <= len(self._rest)

    def _take(self, length: int) -> bytes | None:
        content = self._rest
        if len(content) < length:
            blocks, missing = [content], length - len(content)
            while missing > 0:
                block = self._stream.recv(READ_BYTES)
                if not block:
                    return None
                blocks.append(block)
                missing -= len(block)
            content = b"".join(blocks)
        self._rest = content[length:]
        return content[:length]
