"""Reads a response: an answer, or one of a closed set of reasons why there is none.

Reads status, headers and body; does not use the network. Key idea: every reason determines what happens next. A transient
failure is retried. An error in this request ends this request. An error in the configuration (a wrong key, model or URL)
ends the run, because every other request would fail as well.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

import orjson

MAX_SHOWN = 200
"""Maximum length of a server's message when quoted in our messages [characters]."""


class FailureReason(StrEnum):
    """Why there is no answer."""

    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    UNREACHABLE = "unreachable"
    DROPPED = "dropped"
    TIMED_OUT = "timed_out"
    BROKEN_ANSWER = "broken_answer"
    EMPTY_ANSWER = "empty_answer"
    BAD_REQUEST = "bad_request"
    WRONG_SETUP = "wrong_setup"


FATAL = frozenset({FailureReason.WRONG_SETUP})
FINAL = frozenset({FailureReason.BAD_REQUEST})
"""Reasons for which a retry is pointless."""

MAYBE_BILLED = frozenset(
    {FailureReason.DROPPED, FailureReason.TIMED_OUT, FailureReason.BROKEN_ANSWER, FailureReason.EMPTY_ANSWER}
)
"""Reasons after which the provider may bill the request: it was sent and not refused."""

_GATEWAY_TIMEOUTS = frozenset({408, 504, 524})
"""Status codes of a gateway that gave up waiting for the model, although the model may have answered."""

MAX_REPORTED_TOKENS = 10**9
"""Larger reported counts are ignored [tokens]."""

_FINISHES = dict.fromkeys(
    ("stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete", "completed"), "stop"
) | (dict.fromkeys(("length", "max_tokens", "max_length", "model_length", "max_output_tokens"), "length"))
"""Servers' finish reasons for complete answers and for answers that were cut off."""

MAY_BE_EMPTY = frozenset({"length", "content_filter", "refusal"})
"""Finish reasons of answers that may have no text; these answers are billed, so they are kept."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt without an answer."""

    reason: FailureReason
    detail: str
    retry_after: float | None = None
    """The wait that the server asks for [s]."""


@dataclass(frozen=True, slots=True)
class Success:
    """An attempt with an answer."""

    text: str
    finish: str
    model: str
    prompt_tokens: int | None
    completion_tokens: int | None


def read_response(
    status: int, headers: Mapping[str, str], content: bytes, wants_vectors: bool = False
) -> Success | Failure:
    """Return the outcome that a response describes; header names must be lower-case or case-insensitive."""
    if 200 <= status < 300:
        return _read_answer(headers, content, wants_vectors)
    said = _message(content)
    if status == 429:
        if "insufficient_quota" in said or "billing" in said:
            return Failure(FailureReason.WRONG_SETUP, f"the account has no credit or quota left: {said}")
        return Failure(FailureReason.RATE_LIMITED, f"rate limited: {said}", retry_after(headers))
    if status in (401, 403):
        return Failure(FailureReason.WRONG_SETUP, f"the key is not accepted (status {status}): {said}")
    if status == 404:
        return Failure(FailureReason.WRONG_SETUP, f"no such address or model (status 404): {said}")
    if status == 402:
        return Failure(FailureReason.WRONG_SETUP, f"the account has no credit left (status 402): {said}")
    if status in _GATEWAY_TIMEOUTS:
        return Failure(FailureReason.TIMED_OUT, f"status {status}: {said}", retry_after(headers))
    if status in (409, 425) or status >= 500:
        return Failure(FailureReason.SERVER_ERROR, f"status {status}: {said}", retry_after(headers))
    if 300 <= status < 400:
        to = _short(headers.get("location", "another address"))
        return Failure(FailureReason.WRONG_SETUP, f"the server redirects to {to} (status {status}); use that address")
    return Failure(FailureReason.BAD_REQUEST, f"the server rejects this request (status {status}): {said}")


def _read_answer(headers: Mapping[str, str], content: bytes, wants_vectors: bool) -> Success | Failure:
    try:
        answer = orjson.loads(content)
    except orjson.JSONDecodeError:
        if _looks_like_page(headers, content):
            return Failure(
                FailureReason.WRONG_SETUP, "the address returns a web page instead of JSON; it usually ends in /v1"
            )
        return Failure(FailureReason.BROKEN_ANSWER, f"the answer is not complete JSON ({len(content):,} bytes)")
    if wants_vectors:
        return _read_vectors(answer)
    try:
        choice = answer["choices"][0]
        is_continuation = "message" not in choice and isinstance(choice.get("text"), str)
        message = {"content": choice["text"]} if is_continuation else choice["message"]
        text = message.get("content")
        said = str(choice.get("finish_reason") or "stop")
        finish = "refusal" if message.get("refusal") else _FINISHES.get(said.lower(), said)
    except (KeyError, IndexError, TypeError, AttributeError):
        said = _message(content)
        return Failure(FailureReason.EMPTY_ANSWER, f"the answer has no choices[0].message.content: {said}")
    if text is None and finish in MAY_BE_EMPTY:
        text = ""
    # For a completion model, an empty continuation is a valid answer.
    if not isinstance(text, str) or not (text.strip() or is_continuation or finish in MAY_BE_EMPTY):
        return Failure(FailureReason.EMPTY_ANSWER, f"the answer is empty (finish_reason {finish!r})")
    usage = answer.get("usage") or {}
    return Success(
        text,
        finish,
        _short(str(answer.get("model") or " ")) if answer.get("model") else "",
        _count(usage, "prompt_tokens"),
        _count(usage, "completion_tokens"),
    )


def _read_vectors(answer: Any) -> Success | Failure:
    try:
        listed = sorted(answer["data"], key=lambda one: one["index"])
        text = orjson.dumps([[float(number) for number in one["embedding"]] for one in listed]).decode()
    except (KeyError, TypeError, ValueError, AttributeError):
        return Failure(FailureReason.EMPTY_ANSWER, "the answer has no numbers in data[].embedding")
    if not listed:
        return Failure(FailureReason.EMPTY_ANSWER, "the answer has no vector")
    usage = answer.get("usage") or {}
    return Success(text, "stop", str(answer.get("model") or ""), _count(usage, "prompt_tokens"), 0)


def _count(usage: Any, name: str) -> int | None:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if type(value) is int and 0 <= value <= MAX_REPORTED_TOKENS else None


def _looks_like_page(headers: Mapping[str, str], content: bytes) -> bool:
    kind = headers.get("content-type", "")
    return "html" in kind or content.lstrip()[:1] == b"<"


def _message(content: bytes) -> str:
    """Return a server's error message, shortened."""
    said: Any = None
    try:
        said = orjson.loads(content)
    except orjson.JSONDecodeError:
        text = content.decode("utf-8", "replace")
        title = re.search(r"<title>(.*?)</title>", text, re.DOTALL | re.IGNORECASE)
        return _short(title.group(1) if title else text)
    for name in ("error", "message", "detail"):
        if isinstance(said, dict) and name in said:
            found = said[name]
            if isinstance(found, dict):
                code = found.get("code") or found.get("type")
                return _short(f"{found.get('message') or found}{f' ({code})' if code else ''}")
            return _short(str(found))
    return _short(content.decode("utf-8", "replace"))


def _short(text: str) -> str:
    text = " ".join(text.split())
    text = "".join(c if c.isprintable() else "?" for c in text)
    return (text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "...") or "no message"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the wait that a server asks for in ``retry-after-ms`` or ``retry-after`` [s]."""
    if (milliseconds := headers.get("retry-after-ms")) is not None:
        found = _number(milliseconds)
        return None if found is None else found / 1000
    if (said := headers.get("retry-after")) is None:
        return None
    seconds = _number(said)
    if seconds is not None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def pause_wanted(headers: Mapping[str, str]) -> float:
    """Return how long to pause because the request or token limit is used up [s]; usually 0."""
    longest = 0.0
    for what in ("requests", "tokens"):
        if headers.get(f"x-ratelimit-remaining-{what}") == "0":
            longest = max(longest, duration(headers.get(f"x-ratelimit-reset-{what}", "")))
    return longest


MAX_DURATION_LENGTH = 64
"""Maximum length of a duration [characters]."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration(text: str) -> float:
    """Parse a duration such as ``1m6.5s``, ``12ms`` or ``3`` [s]; return 0 if the text is not a duration."""
    seconds = _number(text)
    if seconds is not None:
        return seconds
    parts = re.findall(r"(\d{1,12}(?:\.\d{1,12})?)(ms|s|m|h)", text[:MAX_DURATION_LENGTH])
    return sum(float(amount) * _UNITS[unit] for amount, unit in parts)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < 1e10 else None
