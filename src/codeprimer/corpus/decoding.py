"""Decodes a file's bytes."""

from __future__ import annotations

import io
import tokenize

from codeprimer.corpus.reasons import HUGE, NOT_UTF8, Drop


def decode(content: bytes, max_bytes: int) -> str | Drop:
    """Return a file's text without a byte order mark and with newline line endings, or why it cannot be decoded.

    UTF-8 is tried before the file's encoding declaration, because rows of data files are always UTF-8, even if the
    declaration names another encoding.
    """
    if len(content) > max_bytes:
        return Drop(HUGE, f"more than {max_bytes:,} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        declared = _by_coding_line(content)
        if declared is None:
            return Drop(NOT_UTF8, f"byte {error.start}: {error.reason}")
        text = declared
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _by_coding_line(content: bytes) -> str | None:
    """Return the text, decoded according to its encoding declaration (PEP 263); None if that is missing or invalid."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
        text.encode()  # some codecs produce surrogates, which UTF-8 cannot encode
    except (SyntaxError, LookupError, UnicodeError):
        return None
    return text
