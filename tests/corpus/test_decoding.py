"""From bytes to text."""

from __future__ import annotations

import pytest

from codeprimer.corpus.decoding import decode
from codeprimer.corpus.reasons import Drop

MAX_BYTES = 1_000_000


def test_text_is_decoded_with_plain_newlines_and_no_byte_order_mark() -> None:
    assert decode("\ufeffa\r\nb\rc\n".encode(), MAX_BYTES) == "a\nb\nc\n"
    assert decode("x = 'é'".encode("latin-1"), MAX_BYTES) == Drop("not_utf8", "byte 5: invalid continuation byte")
    huge = decode(b"#" * 1_000_001, MAX_BYTES)
    assert isinstance(huge, Drop)
    assert huge.reason == "huge"


CODING = "# -*- coding: {} -*-\nx = 'Grüße'\n"


@pytest.mark.parametrize("encoding", ["latin-1", "iso-8859-15", "cp1252"])
def test_a_coding_line_is_honoured(encoding: str) -> None:
    text = CODING.format(encoding)
    assert decode(text.encode(encoding), MAX_BYTES) == text
    assert decode(b"#!/usr/bin/python\n" + text.encode(encoding), MAX_BYTES) == "#!/usr/bin/python\n" + text


def test_a_coding_line_changes_nothing_for_a_text_that_is_utf8() -> None:
    text = CODING.format("latin-1")
    assert decode(text.encode(), MAX_BYTES) == text


@pytest.mark.parametrize("encoding", ["klingon", "utf-8", "ascii", "hex", "raw_unicode_escape"])
def test_a_wrong_coding_line_leaves_the_file_undecoded(encoding: str) -> None:
    content = CODING.format(encoding).encode("latin-1") + b"\\ud800\n"
    dropped = decode(content, MAX_BYTES)
    assert isinstance(dropped, Drop) and dropped.reason == "not_utf8"
