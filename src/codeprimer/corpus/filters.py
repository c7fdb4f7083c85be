"""Why a single file is dropped: a closed set of reasons, and the checks that need no syntax tree.

Each check gives a detail (what was seen) or None. The cheap ones come first; parsing comes after exact duplicates are
gone (``parsing.py``).
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from codeprimer.corpus.licenses import is_permissive
from codeprimer.corpus.settings import FilterSettings


class Reason(StrEnum):
    """Every reason for which the corpus drops a file."""

    HUGE = "huge"
    NOT_UTF8 = "not_utf8"
    EMPTY = "empty"
    TESTS = "tests"
    GENERATED = "generated"
    MINIFIED = "minified"
    LICENSE = "license"
    EXACT_DUPLICATE = "exact_duplicate"
    SYNTAX_ERROR = "syntax_error"
    DATA_ONLY = "data_only"
    NEAR_DUPLICATE = "near_duplicate"


@dataclass(frozen=True)
class Refusal:
    """Why a file is dropped, and what was seen."""

    reason: Reason
    detail: str


def decode(content: bytes, settings: FilterSettings) -> str | Refusal:
    """Return a file's text with a byte order mark taken off and every line ending made a newline.

    UTF-8 comes first whatever the file's coding line says: a row of a data file is UTF-8 by now, its coding line is not.
    """
    if len(content) > settings.max_bytes:
        return Refusal(Reason.HUGE, f"more than {settings.max_bytes:,} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        declared = _by_coding_line(content)
        if declared is None:
            return Refusal(Reason.NOT_UTF8, f"byte {error.start}: {error.reason}")
        text = declared
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _by_coding_line(content: bytes) -> str | None:
    """Return the text in the encoding that a coding line (PEP 263) names; None without a valid one."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
        text.encode()  # some codecs give surrogates, which are no text
    except (SyntaxError, LookupError, UnicodeError):
        return None
    return text


def judge_text(text: str, path: str, spdx: str | None, settings: FilterSettings) -> Refusal | None:
    """Return why a text is dropped, or None for one that goes on to the parser."""
    checks: tuple[tuple[Reason, Callable[[], str | None]], ...] = (
        (Reason.EMPTY, lambda: None if text.strip() else "white space alone"),
        (Reason.TESTS, lambda: _tests(path)),
        (Reason.GENERATED, lambda: _generated(text)),
        (Reason.MINIFIED, lambda: _minified(text, settings)),
        (Reason.LICENSE, lambda: _license(spdx, settings)),
    )
    for reason, check in checks:
        if (detail := check()) is not None:
            return Refusal(reason, detail)
    return None


_TEST_FOLDER = re.compile(r"(?:^|_)tests?$|^testdata$|^test_data$")
_TEST_FILE = re.compile(r"^(?:test_.*|.*_tests?|tests?|conftest)\.py$")


def _tests(path: str) -> str | None:
    *folders, name = PurePosixPath(path).parts or ("",)
    for folder in folders:
        if _TEST_FOLDER.search(folder):
            return f"in folder {folder}"
    return f"named {name}" if _TEST_FILE.match(name) else None


_HEAD_LINES = 60
_COMMENTS = re.compile(r"^[ \t]*#[^\n]*", re.MULTILINE)
_DOCSTRING = re.compile(r"\A(?:\s*#[^\n]*\n|\s*\n)*[rRuU]?(\"\"\"|''')(.{0,400})", re.DOTALL)
_GENERATED = re.compile(
    r"@generated\b"
    r"|\bauto(?:matically)?[- ]?generated\b"
    r"|\b(?:file|module|code|contents?) (?:is |was |has been )?(?:automatically )?generated (?:by|from|with|using)\b"
    r"|\A[#\W]*generated (?:by|from|content)\b"
    r"|\bgenerated from .{1,80} with \S+\.py\b"
    r"|\bdo not (?:edit|modify)(?: this file| it| directly| manually| by hand)?[ \t]*[.!:*]*\s*\Z",
    re.IGNORECASE | re.DOTALL,
)


def _generated(text: str) -> str | None:
    """Look for the marks that generators leave in the comments and the docstring at the head of a file."""
    head = "\n".join(text.split("\n", _HEAD_LINES)[:_HEAD_LINES])
    docstring = _DOCSTRING.match(head)
    places = [*_COMMENTS.findall(head), docstring.group(2).split("\n\n")[0] if docstring else ""]
    for place in places:
        if (found := _GENERATED.search(place)) is not None:
            return " ".join(found.group(0).split())
    return None


def _minified(text: str, settings: FilterSettings) -> str | None:
    lines = text.split("\n")
    longest = max(map(len, lines))
    if longest > settings.max_line:
        return f"a line of {longest:,} characters"
    if len(text) < _TOO_SHORT_TO_TELL:
        return None
    mean = len(text) / max(sum(1 for line in lines if line), 1)
    if mean > settings.max_mean_line:
        return f"lines of {mean:.0f} characters on average"
    spaces = sum(text.count(space) for space in " \n\t") / len(text)
    return f"{spaces:.1%} white space" if spaces < settings.min_space_share else None


_TOO_SHORT_TO_TELL = 1_000
"""Below this size [characters] a mean line length and a share of white space say nothing."""


def _license(spdx: str | None, settings: FilterSettings) -> str | None:
    if not settings.permissive_only or is_permissive(spdx):
        return None
    return spdx or "no licence found"
