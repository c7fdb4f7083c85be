"""Every response has one meaning."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeprimer.teachers.outcomes import (
    Failure,
    FailureReason,
    Success,
    duration,
    pause_wanted,
    read_response,
    retry_after,
)

GOOD = {
    "choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1},
}

CASES: list[tuple[int, Any, FailureReason, str]] = [
    (429, {"error": {"message": "slow down"}}, FailureReason.RATE_LIMITED, "slow down"),
    (429, {"error": {"message": "pay", "code": "insufficient_quota"}}, FailureReason.WRONG_SETUP, "no credit"),
    (402, {"error": "pay"}, FailureReason.WRONG_SETUP, "no credit"),
    (401, {"error": {"message": "no"}}, FailureReason.WRONG_SETUP, "the key is not accepted"),
    (403, {"detail": "no"}, FailureReason.WRONG_SETUP, "the key is not accepted"),
    (404, {"error": {"message": "no model"}}, FailureReason.WRONG_SETUP, "no model"),
    (307, "", FailureReason.WRONG_SETUP, "redirects to"),
    (400, {"message": "too long"}, FailureReason.BAD_REQUEST, "too long"),
    (500, {"error": "oh"}, FailureReason.SERVER_ERROR, "status 500: oh"),
    (503, "<html><title>Busy</title></html>", FailureReason.SERVER_ERROR, "Busy"),
    (408, "", FailureReason.TIMED_OUT, "no message"),
    (504, "", FailureReason.TIMED_OUT, "no message"),
    (200, "<html>", FailureReason.WRONG_SETUP, "web page"),
    (200, '{"choices": [{"mess', FailureReason.BROKEN_ANSWER, "not complete JSON"),
    (200, {"choices": []}, FailureReason.EMPTY_ANSWER, "no choices"),
    (200, {"choices": None}, FailureReason.EMPTY_ANSWER, "no choices"),
    (200, [], FailureReason.EMPTY_ANSWER, "no choices"),
    (200, {"error": {"message": "odd"}}, FailureReason.EMPTY_ANSWER, "odd"),
    (200, {"choices": [{"message": {"content": None}}]}, FailureReason.EMPTY_ANSWER, "is empty"),
    (
        200,
        {"choices": [{"message": {"content": " "}, "finish_reason": "stop"}]},
        FailureReason.EMPTY_ANSWER,
        "is empty",
    ),
]


@pytest.mark.parametrize(("status", "said", "reason", "detail"), CASES)
def test_what_is_no_answer_says_what_is_to_happen_next(
    status: int, said: Any, reason: FailureReason, detail: str
) -> None:
    content = said.encode() if isinstance(said, str) else orjson.dumps(said)
    found = read_response(status, {}, content)
    assert isinstance(found, Failure)
    assert found.reason is reason
    assert detail in found.detail


def test_an_answer_is_read_with_its_usage() -> None:
    assert read_response(200, {}, orjson.dumps(GOOD)) == Success("yes", "stop", "", 3, 1)


@pytest.mark.parametrize(
    ("message", "reason", "finish"),
    [
        ({"content": None}, "length", "length"),
        ({"content": None}, "content_filter", "content_filter"),
        ({"content": None, "refusal": "I will not"}, "stop", "refusal"),
    ],
)
def test_an_answer_without_text_that_is_billed_is_one_all_the_same(
    message: dict[str, Any], reason: str, finish: str
) -> None:
    answer = {"choices": [{"message": message, "finish_reason": reason}], "usage": GOOD["usage"]}
    assert read_response(200, {}, orjson.dumps(answer)) == Success("", finish, "", 3, 1)


@pytest.mark.parametrize(
    "usage",
    [None, {}, {"prompt_tokens": "3"}, {"prompt_tokens": -1}, {"prompt_tokens": True}, {"prompt_tokens": 2**63}, []],
)
def test_usage_that_is_no_number_is_none(usage: Any) -> None:
    found = read_response(200, {}, orjson.dumps(GOOD | {"usage": usage}))
    assert isinstance(found, Success)
    assert (found.prompt_tokens, found.completion_tokens) == (None, None)


@given(st.integers(100, 599), st.binary(max_size=200))
def test_no_response_is_more_than_one_sentence(status: int, content: bytes) -> None:
    found = read_response(status, {}, content)
    assert isinstance(found, Success | Failure)
    if isinstance(found, Failure):
        assert found.detail.isprintable()
        assert len(found.detail) < 400


NAMES = st.sampled_from(["choices", "message", "content", "usage", "finish_reason", "error", "prompt_tokens"])
PLAIN = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5)
JSON = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4))


@given(JSON)
def test_no_json_makes_reading_fail(value: Any) -> None:
    assert isinstance(read_response(200, {}, orjson.dumps(value)), Success | Failure)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "Mon, 01 Jan 99999999999 00:00:00 GMT"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_understood(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_retry_after_may_be_a_date() -> None:

    found = retry_after({"retry-after": formatdate(time.time() + 30)})
    assert found is not None
    assert 28 <= found <= 30


@pytest.mark.parametrize(
    ("text", "seconds"), [("1m6.5s", 66.5), ("12ms", 0.012), ("3", 3.0), ("1h2m", 3720.0), ("", 0.0), ("never", 0.0)]
)
def test_durations_are_understood(text: str, seconds: float) -> None:
    assert duration(text) == pytest.approx(seconds)


def test_a_duration_without_end_takes_no_time() -> None:
    started = time.perf_counter()
    duration("9" * 100_000)
    assert time.perf_counter() - started < 0.5


def test_a_used_up_limit_wants_a_pause() -> None:
    headers = {
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "2s",
        "x-ratelimit-remaining-tokens": "9",
    }
    assert pause_wanted(headers) == 2.0
    assert pause_wanted({"x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": "2s"}) == 0.0
