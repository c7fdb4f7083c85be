"""Servers that refuse, fail, drop and come back, and what a process that is killed owes them."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from codeprimer.core.errors import RecipeError, StoreError
from codeprimer.teachers import BudgetError, PlainQuestion, Reply, TeacherError, endpoint, outcomes
from codeprimer.teachers.batch import BatchAsker
from codeprimer.teachers.mock import Faults, Manner
from codeprimer.teachers.outcomes import Success
from codeprimer.teachers.questions import read_json
from codeprimer.teachers.requests import Answer, Message, Request
from codeprimer.teachers.settings import TeacherSettings
from tests.teachers.endpoints import facts_of, plain, serving, serving_apart, settings, teacher

DEAD = "http://127.0.0.1:9/v1"
PRICE = {"input": 0.0, "output": 1000.0}


def ask(of: TeacherSettings, folder: Path, count: int) -> list[Reply]:
    with teacher(of, folder) as asked:
        return list(asked.ask(plain(f"number {n}", of) for n in range(count)))


class Poisoned(Faults):
    """Every request with a certain word fails, always."""

    def draw(self, content: bytes, times: int) -> str:
        return "error" if b"poison" in content else ""


class Raising(PlainQuestion):
    """A question with a fault of its own."""

    def then(self, request: Request, answer: Answer) -> Any:
        raise ZeroDivisionError("a fault of the question")


def test_an_unexpected_error_of_a_question_ends_the_run(tmp_path: Path) -> None:
    with serving() as mock:
        of = settings(mock.url)
        with teacher(of, tmp_path) as asked, pytest.raises(ZeroDivisionError, match="a fault of the question"):
            list(asked.ask([Raising(Request((Message("user", "a question"),), "test/1"), of)]))


@pytest.mark.parametrize("address", ["http://api..example.com/v1", f"http://{'a' * 64}.example.com/v1"])
def test_an_address_that_is_none_is_one_sentence(address: str, tmp_path: Path) -> None:
    of = settings(address)
    with teacher(of, tmp_path) as asked, pytest.raises(TeacherError, match=r"not a valid address|no connection"):
        list(asked.ask([plain("a question", of)]))


def test_what_is_asked_twice_at_once_is_sent_and_paid_once(tmp_path: Path) -> None:
    with serving(Manner(latency=0.05)) as mock:
        of = settings(mock.url, price=PRICE, budget_usd=100.0)
        with teacher(of, tmp_path) as asked:
            replies = list(asked.ask(plain("the same", of) for _ in range(50)))
            spent = asked.budget.cost
        assert sum(mock.answered.values()) == 1
        assert spent == mock.tokens["completion_tokens"] * 1000 * 1000
    assert {reply.value for reply in replies} == {"You said: the same"}
    assert [reply.answers[0].is_new for reply in replies].count(True) == 1


def test_two_at_once_on_one_journal_take_the_same_answers_and_count_what_both_paid(tmp_path: Path) -> None:
    found: dict[str, list[Reply]] = {}

    def run(of: TeacherSettings, account: str) -> None:
        with teacher(of, tmp_path, account=account) as asked:
            found[account] = list(asked.ask(plain(f"number {n}", of) for n in range(40)))

    with serving(Manner(latency=0.2)) as mock:
        of = settings(mock.url, price=PRICE, budget_usd=100.0)
        threads = [threading.Thread(target=run, args=(of, account)) for account in ("one", "other")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        billed = mock.tokens["completion_tokens"] * 1_000_000
        counted = 0
        for account in found:
            with teacher(of, tmp_path, account=account) as asked:
                counted += asked.budget.cost + asked.budget.maybe_billed
    assert [reply.value for reply in found["one"]] == [reply.value for reply in found["other"]]
    assert counted == billed


def test_a_server_that_refuses_everything_is_left_alone_and_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "OUTAGE_SECONDS", 3.0)
    with serving(Manner(faults=Faults({"refused": 1.0}), retry_after=None)) as mock:
        with pytest.raises(TeacherError, match=r"has not answered for .* rate limited"):
            ask(settings(mock.url), tmp_path, 500)
        assert mock.outcomes["refused"] < 300


def test_a_server_that_wants_to_be_left_alone_for_long_ends_the_run(tmp_path: Path) -> None:
    with (
        serving(Manner(faults=Faults({"refused": 1.0}), retry_after=86_400.0)) as mock,
        pytest.raises(TeacherError, match=r"24\.0 hours"),
    ):
        ask(settings(mock.url), tmp_path, 10)


def test_a_busy_server_that_refuses_at_once_and_answers_later_is_no_wrong_address(tmp_path: Path) -> None:
    with serving(Manner(latency=0.5, faults=Faults({"busy": 0.3}))) as mock:
        replies = ask(settings(mock.url), tmp_path, 64)
    assert not any(reply.reason for reply in replies)


def test_an_address_that_is_dead_is_left_out_where_another_one_answers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(Manner(latency=0.3)) as mock:
        of = settings("", base_url=(DEAD, mock.url), max_in_flight=8)
        assert not any(reply.reason for reply in ask(of, tmp_path, 60))
    assert f"{DEAD} has not answered any of" in caplog.text
    assert "dropping this address" in caplog.text


@pytest.mark.parametrize("kind", ["forbidden", "page"])
def test_one_strange_answer_among_good_ones_ends_nothing(kind: str, tmp_path: Path) -> None:
    with serving(Manner(latency=0.05, faults=Faults({kind: 0.02}, seed=4))) as mock:
        of = settings(mock.url, max_in_flight=8)
        with teacher(of, tmp_path) as asked:
            list(asked.ask([plain("first", of)]))
            replies = list(asked.ask(plain(f"number {n}", of) for n in range(200)))
        assert mock.outcomes[kind] > 0
    assert not any(reply.reason for reply in replies)


def test_a_request_that_always_fails_ends_the_run_which_goes_on_later_or_is_set_aside(tmp_path: Path) -> None:
    with serving(Manner(faults=Poisoned())) as mock:
        for set_aside in (False, True):
            of = settings(mock.url, attempts=3, set_aside=set_aside, max_in_flight=4)
            with teacher(of, tmp_path) as asked:
                list(asked.ask([plain(f"first {set_aside}", of)]))
                questions = [plain(word, of) for word in ("good", "poison", "also good")]
                if set_aside:
                    assert [reply.reason for reply in asked.ask(questions)] == ["", "server_error", ""]
                else:
                    with pytest.raises(TeacherError, match=r"failed 3 times.*teacher\.set_aside"):
                        list(asked.ask(questions))
        assert sum(mock.answered.values()) == 4  # nothing that was answered was asked again


def test_a_connection_that_is_dropped_after_the_request_may_be_billed(tmp_path: Path) -> None:
    with serving(Manner(faults=Faults({"dropped": 0.3}, seed=2))) as mock:
        of = settings(mock.url, price=PRICE, budget_usd=1000.0, max_tokens=10)
        with teacher(of, tmp_path) as asked:
            list(asked.ask(plain(f"number {n}", of) for n in range(30)))
            assert asked.budget.maybe_billed == mock.outcomes["dropped"] * 10 * 1_000_000
        assert mock.outcomes["dropped"] > 3


ASKER = """
import sys
from pathlib import Path
from tests.teachers.endpoints import plain, settings, teacher
of = settings(sys.argv[1], price={"input": 0.0, "output": 1000.0}, budget_usd=1000.0, max_tokens=10, max_in_flight=64)
with teacher(of, Path(sys.argv[2])) as asked:
    list(asked.ask(plain(f"number {n}", of) for n in range(1000)))
"""


def test_what_was_in_flight_when_a_process_was_killed_before_the_first_answer_counts_as_spent(tmp_path: Path) -> None:
    with serving_apart("--latency", "30") as url:
        process = subprocess.Popen([sys.executable, "-c", ASKER, url, str(tmp_path)], cwd=Path(__file__).parents[2])
        deadline = time.monotonic() + 30
        while facts_of(url)["most_in_flight"] < 64 and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        of = settings(url, price=PRICE, budget_usd=1000.0, max_tokens=10)
        with teacher(of, tmp_path) as asked:
            most = 64 * 10 * 1_000_000
            assert most <= asked.budget.maybe_billed <= 2 * most


def test_the_run_that_is_given_up_early_keeps_what_was_in_flight(tmp_path: Path) -> None:
    with serving(Manner(latency=0.5)) as mock:
        of = settings(mock.url, max_in_flight=32)
        with teacher(of, tmp_path) as asked:
            replies = asked.ask(plain(f"number {n}", of) for n in range(32))
            next(replies)
        with teacher(of, tmp_path) as asked:
            list(asked.ask(plain(f"number {n}", of) for n in range(32)))
        assert sum(mock.answered.values()) == 32


def test_a_batch_that_an_earlier_run_has_handed_in_is_taken_where_batches_are_asked_for_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Manner(latency=0.1)) as mock:
        of = settings(mock.url, price=PRICE, batch=True)
        with monkeypatch.context() as patched:
            patched.setattr(BatchAsker, "_take", lambda *_: 1 / 0)
            with teacher(of, tmp_path) as asked, pytest.raises(ZeroDivisionError):
                list(asked.ask(plain(f"number {n}", of) for n in range(20)))
        replies = ask(settings(mock.url, price=PRICE), tmp_path, 20)
        assert sum(mock.answered.values()) == 20
    assert not any(reply.reason for reply in replies)


def test_what_a_batch_did_not_use_is_not_held_against_the_next_run(tmp_path: Path) -> None:
    with serving() as mock:
        of = settings(mock.url, price=PRICE, batch=True, budget_usd=100.0)
        ask(of, tmp_path, 20)
        with teacher(of, tmp_path) as asked:
            assert (asked.budget.maybe_billed, asked.budget.maybe_billed_tokens) == (0, 0)


@pytest.mark.parametrize("key", ["sk-a\nb", "sk-\x7f", "schlüssel"])
def test_a_key_that_no_header_may_hold_names_the_variable(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEACHER_KEY", key)
    with pytest.raises(RecipeError, match=r"TEACHER_KEY .*header"):
        teacher(settings(DEAD, api_key_env="TEACHER_KEY"), tmp_path)


def test_a_key_that_the_server_repeats_is_shown_and_kept_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEACHER_KEY", "sk-very-secret")
    with serving(Manner(script=lambda fields: "your key is sk-very-secret")) as mock:
        of = settings(mock.url, api_key_env="TEACHER_KEY")
        [reply] = ask(of, tmp_path, 1)
    assert reply.value == "your key is [the key]"


@pytest.mark.parametrize("key", ["EMPTY", "ollama"])
def test_a_key_that_is_a_word_is_left_in_answers(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEACHER_KEY", key)
    with serving(Manner(script=lambda fields: f"if stack is {key}: return")) as mock:
        [reply] = ask(settings(mock.url, api_key_env="TEACHER_KEY"), tmp_path, 1)
    assert reply.value == f"if stack is {key}: return"


def test_an_unexpected_error_while_sending_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def send(*_: object) -> None:
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr("codeprimer.teachers.endpoint.Endpoint.send", send)
    with pytest.raises(ZeroDivisionError, match="of all things"):
        ask(settings("http://127.0.0.1:1/v1"), tmp_path, 3)


@pytest.mark.parametrize(
    "address", ["http://user:secret@127.0.0.1/v1", "http://127.0.0.1/v1#x", "http://127.0.0.1/v1?key=secret"]
)
def test_an_address_with_a_key_in_it_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="api_key_env"):
        settings(address)


def test_a_server_that_bills_more_than_it_may_is_noticed_and_the_cap_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    read = outcomes.read_response

    def dear(*arguments: Any, **named: Any) -> Any:
        found = read(*arguments, **named)
        return replace(found, completion_tokens=100) if isinstance(found, Success) else found

    monkeypatch.setattr(endpoint, "read_response", dear)
    with serving() as mock:
        of = settings(mock.url, price=PRICE, budget_usd=2.0, max_tokens=10, max_in_flight=4)
        with teacher(of, tmp_path) as asked, pytest.raises(BudgetError):
            list(asked.ask(plain(f"number {n}", of) for n in range(1000)))
        # What was in flight when it was noticed was sent already.
        assert asked.budget.cost <= (2.0 + 4 * 0.1) * 10**9
    assert caplog.text.count("bills more tokens") == 1


def test_an_sqlite_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "journal.sqlite") as connection:
        connection.execute("create table mine (x)")
    with pytest.raises(StoreError, match="another program"):
        teacher(settings(DEAD), tmp_path)


def test_many_at_once_begin_one_journal(tmp_path: Path) -> None:
    for number in range(20):
        failures: list[Exception] = []
        barrier = threading.Barrier(16)

        def begin(folder: Path, failures: list[Exception] = failures, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            try:
                teacher(settings(DEAD), folder).close()
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=begin, args=(tmp_path / str(number),)) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []


def test_a_question_for_text_takes_no_vectors(tmp_path: Path) -> None:
    content = orjson.dumps({"data": [{"index": 0, "embedding": [1.0]}]})
    assert isinstance(outcomes.read_response(200, {}, content), outcomes.Failure)
    assert isinstance(outcomes.read_response(200, {}, content, wants_vectors=True), Success)


@pytest.mark.parametrize(
    "text", ["```json" + "\n" * 100_000 + "x", '"\\' * 100_000, "[" * 100_000, "{" + "," * 200_000]
)
def test_no_text_takes_long_to_be_found_no_json(text: str) -> None:
    started = time.process_time()
    with pytest.raises(ValueError, match="JSON"):
        read_json(text)
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('```json\n{"a": [1, 2,],}\n```', {"a": [1, 2]}),
        ('{"a": "x,]", "b": ",}",}', {"a": "x,]", "b": ",}"}),
        ('["\\",]" ,\n ]', ['",]']),
        ("``` \n[1]\n```\n", [1]),
    ],
)
def test_fences_and_last_commas_are_forgiven_and_strings_stay_as_they_are(text: str, value: Any) -> None:
    assert read_json(text) == value
