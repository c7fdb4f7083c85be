"""Asking: in order, once, whole, and of the form that was wanted."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import orjson
import pytest

from codeprimer.core.errors import RecipeError, StoreError, UserError
from codeprimer.teachers import BudgetError, EmbeddingQuestion, TeacherError, endpoint
from codeprimer.teachers.mock import Faults, Manner, default_script
from codeprimer.teachers.prices import NANO
from tests.teachers.endpoints import Points, form, plain, serving, settings, teacher

ALL_FAULTS = {"refused": 0.1, "error": 0.05, "cut_off": 0.05, "broken": 0.05, "no_choices": 0.02, "no_form": 0.05}


def test_answers_come_in_the_order_of_the_questions(tmp_path: Path) -> None:
    with serving(Manner(faults=Faults({"error": 0.1}))) as mock:
        of = settings(mock.url, max_in_flight=16)
        with teacher(of, tmp_path) as asked:
            replies = list(asked.ask(plain(f"number {n}", of) for n in range(300)))
    assert [reply.value for reply in replies] == [f"You said: number {n}" for n in range(300)]


def test_questions_are_taken_as_there_is_room_for_them(tmp_path: Path) -> None:
    taken = 0
    with serving() as mock:
        of = settings(mock.url, max_in_flight=2)

        def questions() -> Any:
            nonlocal taken
            for n in range(10_000):
                taken += 1
                yield plain(f"number {n}", of)

        with teacher(of, tmp_path) as asked:
            next(asked.ask(questions()))
    assert taken <= 16 * 2 + 64


def test_what_was_answered_is_never_asked_again(tmp_path: Path) -> None:
    with serving() as mock:
        of = settings(mock.url)
        for _ in range(2):
            with teacher(of, tmp_path) as asked:
                replies = list(asked.ask(plain(f"number {n}", of) for n in range(200)))
            assert len({reply.value for reply in replies}) == 200
        assert sum(mock.answered.values()) == 200
    assert not any(answer.is_new for reply in replies for answer in reply.answers)


def test_another_address_finds_the_same_answers(tmp_path: Path) -> None:
    with serving() as first, serving() as second:
        for mock in (first, second):
            of = settings(mock.url, timeout_seconds=20.0, max_in_flight=3)
            with teacher(of, tmp_path, account=mock.url) as asked:
                list(asked.ask(plain(f"number {n}", of) for n in range(20)))
    assert sum(second.answered.values()) == 0


@pytest.mark.parametrize(
    "changes", [{"temperature": 0.1}, {"top_p": 0.5}, {"max_tokens": 99}, {"extra": {"reasoning_effort": "low"}}]
)
def test_whatever_decides_an_answer_makes_another_request(changes: dict[str, Any], tmp_path: Path) -> None:
    with serving() as mock:
        for of in (settings(mock.url), settings(mock.url, **changes)):
            with teacher(of, tmp_path) as asked:
                list(asked.ask([plain("a question", of)]))
    assert sum(mock.answered.values()) == 2


def test_another_order_of_the_extra_settings_is_no_other_request(tmp_path: Path) -> None:
    with serving() as mock:
        for extra in ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}):
            of = settings(mock.url, extra=extra)
            with teacher(of, tmp_path) as asked:
                list(asked.ask([plain("a question", of)]))
    assert sum(mock.answered.values()) == 1


def test_with_all_faults_every_answer_is_whole_and_of_its_form(tmp_path: Path) -> None:
    with serving(Manner(faults=Faults(ALL_FAULTS, seed=3))) as mock:
        of = settings(mock.url, max_in_flight=64)
        with teacher(of, tmp_path) as asked:
            replies = list(asked.ask(form(f"number {n}", of) for n in range(400)))
        assert set(mock.outcomes) >= ALL_FAULTS.keys()
    good = [reply for reply in replies if not reply.reason]
    assert {reply.reason for reply in replies} <= {"", "other_form"}
    assert len(good) >= 395
    for n, reply in enumerate(replies):
        if not reply.reason and len(reply.answers) == 1:
            wanted = default_script(_fields(f"number {n}"))
            assert reply.value == Points.model_validate_json(wanted)


def _fields(text: str) -> dict[str, Any]:
    schema = {"schema": Points.model_json_schema()}
    return {"messages": [{"content": text}], "response_format": {"type": "json_schema", "json_schema": schema}}


def test_an_answer_that_was_cut_off_is_kept_billed_and_asked_for_under_a_larger_limit(tmp_path: Path) -> None:
    with serving() as mock:
        of = settings(mock.url, price={"input": 1.0, "output": 1.0}, max_tokens=8, max_tokens_on_retry=64)
        with teacher(of, tmp_path) as asked:
            [reply] = asked.ask([plain("word " * 20, of)])
        assert [answer.is_cut_off for answer in reply.answers] == [True, True, False]
        assert reply.value == "You said: " + "word " * 20
        assert reply.cost == sum(answer.cost for answer in reply.answers)
        with teacher(of, tmp_path) as asked:
            list(asked.ask([plain("word " * 20, of)]))
        assert sum(mock.answered.values()) == 3


def test_an_answer_that_is_too_long_even_then_is_put_aside(tmp_path: Path) -> None:
    with serving() as mock:
        of = settings(mock.url, max_tokens=8, max_tokens_on_retry=16)
        with teacher(of, tmp_path) as asked:
            [reply] = asked.ask([plain("word " * 100, of)])
    assert (reply.value, reply.reason) == (None, "cut_off")
    assert len(reply.answers) == 2


def test_an_answer_of_another_form_is_objected_to_once_and_then_put_aside(tmp_path: Path) -> None:
    with serving(Manner(script=lambda fields: '{"why": "so", "points": 9}')) as mock:
        of = settings(mock.url)
        with teacher(of, tmp_path) as asked:
            [reply] = asked.ask([form("a question", of)])
    assert (reply.reason, len(reply.answers)) == ("other_form", 2)
    assert "points: Input should be less than or equal to 5" in reply.detail


def test_an_objection_says_what_is_wrong_and_a_better_answer_is_taken(tmp_path: Path) -> None:
    def script(fields: dict[str, Any]) -> str:
        said = fields["messages"][-1]["content"]
        return '```json\n{"why": "so", "points": 4,}\n```' if "points: Field required" in said else '{"why": "so"}'

    with serving(Manner(script=script)) as mock:
        of = settings(mock.url)
        with teacher(of, tmp_path) as asked:
            [reply] = asked.ask([form("a question", of)])
    assert reply.value == Points(why="so", points=4)


def test_a_failure_is_never_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "SECONDS_AT_FIRST", 1.0)
    said = r"has not answered any of \d+ requests: status 500"
    with serving(Manner(faults=Faults({"error": 1.0}))) as mock:
        of = settings(mock.url)
        with teacher(of, tmp_path) as asked, pytest.raises(TeacherError, match=said):
            list(asked.ask([plain("a question", of)]))
    with serving() as mock:
        of = settings(mock.url)
        with teacher(of, tmp_path) as asked:
            [reply] = asked.ask([plain("a question", of)])
    assert reply.value == "You said: a question"


def test_a_request_that_hangs_is_asked_again(tmp_path: Path) -> None:
    with serving(Manner(faults=Faults({"hang": 0.05}))) as mock:
        of = settings(mock.url, max_in_flight=32)
        with teacher(of, tmp_path) as asked:
            replies = list(asked.ask(plain(f"number {n}", of) for n in range(200)))
        assert mock.outcomes["good"] == 200
    assert not any(reply.reason for reply in replies)


def test_many_in_flight_never_spend_more_than_the_cap(tmp_path: Path) -> None:
    price = {"input": 150.0, "output": 600.0}
    with serving(Manner(latency=0.02, faults=Faults({"hang": 0.01, "broken": 0.02, "cut_off": 0.05}))) as mock:
        of = settings(mock.url, price=price, budget_usd=1.0, max_in_flight=256, max_tokens=8, max_tokens_on_retry=16)
        with (
            teacher(of, tmp_path) as asked,
            pytest.raises(BudgetError, match=r"the budget of 1\.00 USD is reached") as error,
        ):
            list(asked.ask((plain(f"number {n}", of) for n in range(2000)), expected=2000))
        billed = mock.tokens["prompt_tokens"] * 150e-6 + mock.tokens["completion_tokens"] * 600e-6
        assert billed <= 1.0
        assert 0.9 * NANO < asked.budget.cost + asked.budget.maybe_billed <= NANO  # and it did not stop long before
        assert "of 2,000 questions" in str(error.value)
        with teacher(of, tmp_path) as asked, pytest.raises(BudgetError):
            list(asked.ask(plain(f"other {n}", of) for n in range(2000)))
        billed = mock.tokens["prompt_tokens"] * 150e-6 + mock.tokens["completion_tokens"] * 600e-6
        assert billed <= 1.0


def test_a_cap_of_tokens_needs_no_price(tmp_path: Path) -> None:
    with serving() as mock:
        of = settings(mock.url, price=None, budget_tokens=3000, max_tokens=8)
        with teacher(of, tmp_path) as asked, pytest.raises(BudgetError, match="the budget of 3,000 tokens is reached"):
            list(asked.ask(plain(f"{n}", of) for n in range(2000)))
        assert sum(mock.tokens.values()) <= 3000


def test_a_price_that_is_not_known_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"teacher\.price: .*'mock' is unknown"):
        teacher(settings("http://127.0.0.1:1/v1", price=None), tmp_path)


def test_usage_that_is_not_reported_is_counted_as_the_most_that_it_can_be(tmp_path: Path) -> None:
    with serving(Manner(faults=Faults({"no_usage": 1.0}))) as mock:
        of = settings(mock.url, price={"input": 0.0, "output": 1.0}, max_tokens=100)
        with teacher(of, tmp_path) as asked:
            [reply] = asked.ask([plain("a question", of)])
    [answer] = reply.answers
    assert (answer.is_metered, answer.completion_tokens, answer.cost) == (False, 100, 100 * 1000)


def test_the_key_is_sent_and_written_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEACHER_KEY", "sk-very-secret")
    with serving(Manner(key="sk-very-secret")) as mock:
        of = settings(mock.url, api_key_env="TEACHER_KEY")
        with teacher(of, tmp_path) as asked:
            [reply] = asked.ask([plain("a question", of)])
    assert reply.value
    for file in tmp_path.iterdir():
        assert b"sk-very-secret" not in file.read_bytes()


def test_a_missing_key_names_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEACHER_KEY", raising=False)
    with pytest.raises(RecipeError, match="the environment variable TEACHER_KEY is not set"):
        teacher(settings("http://127.0.0.1:1/v1", api_key_env="TEACHER_KEY"), tmp_path)


WRONG: list[tuple[Manner, dict[str, Any], str]] = [
    (Manner(key="right"), {}, "the key is not accepted"),
    (Manner(model="other"), {}, "no such address or model .* The model 'mock' does not exist"),
    (Manner(faults=Faults({"page": 1.0})), {}, "web page"),
    (Manner(faults=Faults({"no_choices": 1.0})), {}, "no choices"),
]


@pytest.mark.parametrize(("manner", "changes", "said"), WRONG, ids=[said[:24] for _, _, said in WRONG])
def test_a_wrong_set_up_is_said_in_one_sentence(
    manner: Manner, changes: dict[str, Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "SECONDS_AT_FIRST", 1.0)
    with serving(manner) as mock:
        of = settings(mock.url, **changes)
        with teacher(of, tmp_path) as asked, pytest.raises(TeacherError, match=said) as error:
            list(asked.ask([plain("a question", of)]))
    assert "\n" not in str(error.value)


def test_nobody_at_the_address_is_said_in_one_sentence(tmp_path: Path) -> None:
    of = settings("http://127.0.0.1:9/v1")
    with teacher(of, tmp_path) as asked, pytest.raises(TeacherError, match=r"no connection: .*refused"):
        list(asked.ask([plain("a question", of)]))


def test_several_addresses_share_the_work(tmp_path: Path) -> None:
    with serving(Manner(latency=0.01)) as first, serving(Manner(latency=0.01)) as second:
        of = settings("", base_url=(first.url, second.url), max_in_flight=4)
        with teacher(of, tmp_path) as asked:
            assert len(list(asked.ask(plain(f"number {n}", of) for n in range(100)))) == 100
        assert min(sum(mock.answered.values()) for mock in (first, second)) >= 30


def test_no_more_are_in_flight_than_is_allowed(tmp_path: Path) -> None:
    with serving(Manner(latency=0.01)) as mock:
        of = settings(mock.url, max_in_flight=5)
        with teacher(of, tmp_path) as asked:
            list(asked.ask(plain(f"number {n}", of) for n in range(60)))
        assert mock.most_in_flight == 5


def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_text("something else")
    with pytest.raises(StoreError, match=r"journal\.sqlite: .*not a database"):
        teacher(settings("http://127.0.0.1:1/v1"), tmp_path)
    assert (tmp_path / "journal.sqlite").read_text() == "something else"


def test_the_journal_can_be_read_with_sqlite_alone(tmp_path: Path) -> None:
    with serving() as mock:
        of = settings(mock.url)
        with teacher(of, tmp_path) as asked:
            list(asked.ask([plain("a question", of)]))
    [row] = (
        sqlite3.connect(tmp_path / "journal.sqlite").execute("select account, model, finish from answers").fetchall()
    )
    assert row == ("run", "mock", "stop")
    assert orjson.loads(default_script({"messages": [{"content": "1"}]}).removeprefix("You said: ")) == 1


def test_what_was_in_flight_when_a_process_was_killed_counts_as_spent(tmp_path: Path) -> None:
    with serving(Manner(latency=0.05)) as mock:
        of = settings(mock.url, price={"input": 0.0, "output": 1000.0}, max_tokens=100, budget_usd=100.0)
        with teacher(of, tmp_path) as asked:
            list(asked.ask([plain("a question", of)]))
        connection = sqlite3.connect(tmp_path / "journal.sqlite")
        with connection:
            connection.execute("update accounts set open = 5000000000, open_tokens = 50")
        connection.close()
        with teacher(of, tmp_path) as asked:
            assert (asked.budget.maybe_billed, asked.budget.maybe_billed_tokens) == (5_000_000_000, 50)
            assert "at most 5.00 USD for requests without an answer" in asked.budget.describe()


def test_a_journal_that_cannot_be_written_is_one_sentence_and_loses_no_answer_that_was_told(tmp_path: Path) -> None:
    with serving() as mock:
        of = settings(mock.url, max_in_flight=4)
        with teacher(of, tmp_path) as asked:
            replies = asked.ask(plain(f"number {n}", of) for n in range(2000))
            told = [next(replies).value for _ in range(10)]
            with sqlite3.connect(tmp_path / "journal.sqlite", timeout=60) as connection:
                connection.execute("drop table accounts")  # from now on every transaction fails, as on a full disk
            with pytest.raises(UserError, match=r"journal\.sqlite: .* cannot be written"):
                list(replies)
        kept = sqlite3.connect(tmp_path / "journal.sqlite").execute("select count(*) from answers").fetchone()[0]
    assert kept >= len(told)


def test_texts_are_embedded_once_each(tmp_path: Path) -> None:
    with serving(Manner(faults=Faults({"error": 0.1, "broken": 0.1}))) as mock:
        of = settings(mock.url, price={"input": 1.0, "output": 0.0})
        for _ in range(2):
            with teacher(of, tmp_path) as asked:
                replies = list(asked.ask(EmbeddingQuestion([f"text {n}", "other"]) for n in range(30)))
        assert sum(mock.answered.values()) - mock.outcomes["broken"] == 30
    assert [len(reply.value) for reply in replies] == [2] * 30
    assert len({tuple(reply.value[0]) for reply in replies}) == 30
    assert len({tuple(reply.value[1]) for reply in replies}) == 1
    assert all(reply.cost == 1000 * 4 for reply in replies)
