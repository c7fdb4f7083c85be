"""What can become of sending a request, in a closed set, each with a sentence for people.

Reads status, headers and body of a response; knows no network. Its one idea: every outcome says what is to happen next.
An answer is kept; a passing trouble is tried again; a fault of this request ends this request; a fault of the set-up
(a wrong key, model or address) ends the run, because every other request would meet it too.
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

SHOWN = 200
"""So much of what a server says is shown [characters]."""


class Trouble(StrEnum):
    """Why there is no answer."""

    REFUSED = "rate_limited"
    OVERLOADED = "server_error"
    UNREACHABLE = "unreachable"
    DROPPED = "dropped"
    SILENT = "timed_out"
    BROKEN = "broken_answer"
    EMPTY = "empty_answer"
    BAD_REQUEST = "bad_request"
    WRONG_SETUP = "wrong_setup"


FATAL = frozenset({Trouble.WRONG_SETUP})
FINAL = frozenset({Trouble.BAD_REQUEST})
"""Trouble that another attempt would meet again."""

MAYBE_BILLED = frozenset({Trouble.DROPPED, Trouble.SILENT, Trouble.BROKEN, Trouble.EMPTY})
"""Trouble after which the provider may ask for money all the same: it had the request, and did not say no."""

_GAVE_UP_WAITING = frozenset({408, 504, 524})
"""What a gateway says that waited in vain for the model behind it, which may have answered."""

MOST_TOKENS_SAID = 10**9
"""A larger number of tokens that a server says it used is a fault of the server."""

_FINISHES = dict.fromkeys(
    ("stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete", "completed"), "stop"
) | (dict.fromkeys(("length", "max_tokens", "max_length", "model_length", "max_output_tokens"), "length"))
"""What servers say where an answer is whole, or was cut off."""

UNSAID = frozenset({"length", "content_filter", "refusal"})
"""Reasons to finish with which an answer may have no text, and is one all the same: it is billed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt without an answer."""

    trouble: Trouble
    detail: str
    wait: float | None = None
    """How long the server wants to be left alone [s]."""


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
    """Return what a response means; the names of headers are in lower case."""
    if 200 <= status < 300:
        return _read_answer(headers, content, wants_vectors)
    said = _message(content)
    if status == 429:
        if "insufficient_quota" in said or "billing" in said:
            return Failure(Trouble.WRONG_SETUP, f"the account has no credit left or no quota: {said}")
        return Failure(Trouble.REFUSED, f"too many requests: {said}", retry_after(headers))
    if status in (401, 403):
        return Failure(Trouble.WRONG_SETUP, f"the key is not accepted (status {status}): {said}")
    if status == 404:
        return Failure(Trouble.WRONG_SETUP, f"there is no such address or no such model (status 404): {said}")
    if status == 402:
        return Failure(Trouble.WRONG_SETUP, f"the account has no credit left (status 402): {said}")
    if status in _GAVE_UP_WAITING:
        return Failure(Trouble.SILENT, f"status {status}: {said}", retry_after(headers))
    if status in (409, 425) or status >= 500:
        return Failure(Trouble.OVERLOADED, f"status {status}: {said}", retry_after(headers))
    if 300 <= status < 400:
        to = _short(headers.get("location", "another address"))
        return Failure(Trouble.WRONG_SETUP, f"the address leads on to {to} (status {status}); give that one")
    return Failure(Trouble.BAD_REQUEST, f"the server does not take this request (status {status}): {said}")


def _read_answer(headers: Mapping[str, str], content: bytes, wants_vectors: bool) -> Success | Failure:
    try:
        answer = orjson.loads(content)
    except orjson.JSONDecodeError:
        if _looks_like_page(headers, content):
            return Failure(
                Trouble.WRONG_SETUP, "the address answers with a web page, not with JSON; it mostly ends in /v1"
            )
        return Failure(Trouble.BROKEN, f"the answer is no whole JSON ({len(content):,} bytes)")
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
        return Failure(Trouble.EMPTY, f"the answer has no choices[0].message.content: {said}")
    if text is None and finish in UNSAID:
        text = ""
    # That nothing follows a text is an answer, to a model that continues texts.
    if not isinstance(text, str) or not (text.strip() or is_continuation or finish in UNSAID):
        return Failure(Trouble.EMPTY, f"the answer is empty (finish_reason {finish!r})")
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
        return Failure(Trouble.EMPTY, "the answer has no data[].embedding of numbers")
    if not listed:
        return Failure(Trouble.EMPTY, "the answer has no vector")
    usage = answer.get("usage") or {}
    return Success(text, "stop", str(answer.get("model") or ""), _count(usage, "prompt_tokens"), 0)


def _count(usage: Any, name: str) -> int | None:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if type(value) is int and 0 <= value <= MOST_TOKENS_SAID else None


def _looks_like_page(headers: Mapping[str, str], content: bytes) -> bool:
    kind = headers.get("content-type", "")
    return "html" in kind or content.lstrip()[:1] == b"<"


def _message(content: bytes) -> str:
    """Return what a server says about an error, shortened."""
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
    return (text if len(text) <= SHOWN else text[: SHOWN - 3] + "...") or "nothing is said about it"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return how long a server wants to be left alone, by whichever header says so [s]."""
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
    """Return how long to send nothing, because the limits of requests or tokens are used up [s]; mostly 0."""
    longest = 0.0
    for what in ("requests", "tokens"):
        if headers.get(f"x-ratelimit-remaining-{what}") == "0":
            longest = max(longest, duration(headers.get(f"x-ratelimit-reset-{what}", "")))
    return longest


LONGEST_DURATION = 64
"""No duration is written with more characters."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration(text: str) -> float:
    """Return a duration such as ``1m6.5s``, ``12ms`` or ``3`` [s]; 0 where it is none."""
    seconds = _number(text)
    if seconds is not None:
        return seconds
    parts = re.findall(r"(\d{1,12}(?:\.\d{1,12})?)(ms|s|m|h)", text[:LONGEST_DURATION])
    return sum(float(amount) * _UNITS[unit] for amount, unit in parts)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < 1e10 else None
