"""Texts that are continued: the form that servers call completions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from codeprimer.teachers import BareQuestion, Message, Request, TeacherError
from codeprimer.teachers.mock import Faults, Manner
from codeprimer.teachers.outcomes import Failure, Success, read_response
from codeprimer.teachers.requests import RequestEncoder
from tests.teachers.endpoints import serving, settings, teacher


def continuing(text: str, **changes: Any) -> BareQuestion:
    return BareQuestion(Request((), "test/1", prompt=text, **changes))


def test_texts_are_continued_in_order_whatever_goes_wrong(tmp_path: Path) -> None:
    faults = Faults({"refused": 0.1, "error": 0.05, "busy": 0.05, "dropped": 0.05, "broken": 0.05, "no_choices": 0.02})
    with serving(Manner(faults=faults, retry_after=0.02)) as mock:
        of = settings(mock.url, max_in_flight=16)
        for _ in range(2):
            with teacher(of, tmp_path) as asked:
                replies = list(asked.ask(continuing(f"number {n}") for n in range(200)))
            assert [reply.value for reply in replies] == [f" and again: number {n}" for n in range(200)]
        assert len(mock.answered) == 200
        assert not any(answer.is_new for reply in replies for answer in reply.answers)
        assert set(mock.outcomes) >= {"refused", "error", "dropped"}


def test_what_is_sent_is_the_text_its_limit_and_where_it_ends() -> None:
    of = settings("http://127.0.0.1:1/v1", temperature=0.5, top_p=0.9, limit_field="max_completion_tokens")
    request = Request((), "test/1", 7, 99, prompt="def f", stop=("\ndef", "\nclass"))
    assert orjson.loads(RequestEncoder(of).encode(request)[0]) == {
        "model": "mock",
        "prompt": "def f",
        "max_tokens": 99,
        "stop": ["\ndef", "\nclass"],
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 7,
    }


def test_a_continuation_ends_before_the_first_stop_and_says_what_it_used(tmp_path: Path) -> None:
    with serving(Manner(script=lambda fields: "    return 1\nprint(1)\ndef g")) as mock:
        of = settings(mock.url, price={"input": 1.0, "output": 2.0})
        with teacher(of, tmp_path) as asked:
            [reply] = asked.ask([continuing("def f():", stop=("\ndef", "\nprint"))])
    assert reply.value == "    return 1"
    [answer] = reply.answers
    assert reply.cost == 1000 * answer.prompt_tokens + 2000 * answer.completion_tokens


def test_an_answer_that_was_cut_off_is_taken_as_it_is(tmp_path: Path) -> None:
    with serving(Manner(script=lambda fields: "word " * 100)) as mock:
        with teacher(settings(mock.url), tmp_path) as asked:
            [reply] = asked.ask([continuing("a", max_tokens=5)])
        assert sum(mock.answered.values()) == 1
    assert reply.value == ("word " * 100)[:20]
    assert reply.answers[0].is_cut_off


def test_that_nothing_follows_a_text_is_an_answer_and_that_nothing_is_said_is_none(tmp_path: Path) -> None:
    with serving(Manner(script=lambda fields: "\n")) as mock:
        of = settings(mock.url, set_aside=True, attempts=2)
        with teacher(of, tmp_path) as asked:
            silent = BareQuestion(Request((Message("user", "b"),), "test/1"))
            replies = list(asked.ask([continuing("a"), silent]))
    assert [(reply.value, reply.reason) for reply in replies] == [("\n", ""), (None, "empty_answer")]


def test_samples_of_one_text_are_asked_for_one_by_one(tmp_path: Path) -> None:
    with serving(Manner(script=lambda fields: f"with {fields['seed']}")) as mock:
        of = settings(mock.url)
        with teacher(of, tmp_path) as asked:
            replies = list(asked.ask(continuing("a", sample=n) for n in (1, 2, 3)))
    assert [reply.value for reply in replies] == ["with 1", "with 2", "with 3"]


def test_a_server_that_continues_no_texts_is_one_sentence(tmp_path: Path) -> None:
    said = pytest.raises(TeacherError, match="no such path")
    with serving(Manner(paths=("/v1/chat/completions",))) as mock, teacher(settings(mock.url), tmp_path) as asked, said:
        list(asked.ask([continuing("a")]))


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"text": " x", "finish_reason": "length"}, Success(" x", "length", "", None, None)),
        ({"text": "", "finish_reason": "eos_token"}, Success("", "stop", "", None, None)),
        ({"text": None}, None),
        ({"text": "x", "message": {"content": "y"}}, Success("y", "stop", "", None, None)),
        ("text", None),
    ],
)
def test_what_servers_make_of_that_form_is_read(choice: Any, expected: Success | None) -> None:
    found = read_response(200, {}, orjson.dumps({"choices": [choice]}))
    assert isinstance(found, Failure) if expected is None else found == expected
