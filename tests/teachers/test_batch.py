"""Batch files: half the price, the same journal, and a batch that was handed in is never handed in again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codeprimer.teachers import BudgetError, TeacherError
from codeprimer.teachers.batch import BatchAsker
from codeprimer.teachers.journal import Batch
from codeprimer.teachers.mock import Faults, Manner, Mock
from tests.teachers.endpoints import form, plain, serving, settings, teacher

PRICE = {"input": 1.0, "output": 1.0}


class KilledError(BaseException):
    """Stands for the end of the process."""


def batches(mock: Mock) -> int:
    """Return how many batches were handed in."""
    return len(mock._batches._made)


def test_a_batch_answers_every_question_in_order_at_half_the_price(tmp_path: Path) -> None:
    with serving(Manner(latency=0.05)) as mock:
        of = settings(mock.url, price=PRICE, batch=True)
        with teacher(of, tmp_path) as asked:
            replies = list(asked.ask(plain(f"number {n}", of) for n in range(50)))
            spent = asked.budget.cost
        assert batches(mock) == 1
        assert [reply.value for reply in replies] == [f"You said: number {n}" for n in range(50)]
        assert spent == sum(mock.tokens.values()) * 1000 // 2 == sum(reply.cost for reply in replies)


def test_what_a_batch_has_answered_is_found_by_single_requests_too(tmp_path: Path) -> None:
    with serving() as mock:
        of = settings(mock.url, batch=True)
        with teacher(of, tmp_path) as asked:
            list(asked.ask(plain(f"number {n}", of) for n in range(20)))
        alone = settings(mock.url)
        with teacher(alone, tmp_path) as asked:
            replies = list(asked.ask(plain(f"number {n}", alone) for n in range(20)))
        assert sum(mock.answered.values()) == 20
    assert not any(answer.is_new for reply in replies for answer in reply.answers)


def test_what_is_cut_off_not_of_the_form_or_missing_goes_into_the_next_batch(tmp_path: Path) -> None:
    faults = Faults({"cut_off": 0.1, "no_form": 0.1, "error": 0.2, "no_choices": 0.05}, seed=2)
    with serving(Manner(faults=faults)) as mock:
        of = settings(mock.url, batch=True)
        with teacher(of, tmp_path) as asked:
            replies = list(asked.ask(form(f"number {n}", of) for n in range(200)))
        assert 3 <= batches(mock) <= 12
    assert sum(not reply.reason for reply in replies) >= 185
    assert {reply.reason for reply in replies} <= {"", "other_form", "cut_off"}


MOMENTS = ("before it is handed in", "after it was handed in", "while it is waited for", "after its answers came")


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_that_was_killed_finds_its_batch_again(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(*_: Any) -> Any:
        raise KilledError

    with serving(Manner(latency=0.1)) as mock:
        of = settings(mock.url, price=PRICE, batch=True)
        with monkeypatch.context() as patched:
            if moment == MOMENTS[0]:
                patched.setattr(BatchAsker, "_send", end)
            elif moment == MOMENTS[1]:
                # The server has it, and its answer with the identity is lost on the way.
                make = BatchAsker._make

                def lose(self: BatchAsker, batch: Batch, asked: bytes) -> Batch:
                    make(self, batch, asked)
                    raise KilledError

                patched.setattr(BatchAsker, "_make", lose)
            elif moment == MOMENTS[2]:
                patched.setattr(BatchAsker, "_wait", end)
            else:
                patched.setattr(BatchAsker, "_write", end)
            with teacher(of, tmp_path) as asked, pytest.raises(KilledError):
                list(asked.ask(plain(f"number {n}", of) for n in range(30)))
        with teacher(of, tmp_path) as asked:
            replies = list(asked.ask(plain(f"number {n}", of) for n in range(30)))
        assert batches(mock) == 1
        assert set(mock.answered.values()) == {1}
        assert asked.budget.cost == sum(mock.tokens.values()) * 1000 // 2
    assert [reply.value for reply in replies] == [f"You said: number {n}" for n in range(30)]


def test_a_batch_that_does_not_fit_under_the_cap_is_not_handed_in(tmp_path: Path) -> None:
    with serving() as mock:
        of = settings(mock.url, price=PRICE, batch=True, budget_usd=0.0001)
        with teacher(of, tmp_path) as asked, pytest.raises(BudgetError, match=r"the budget of 0\.0001 USD is reached"):
            list(asked.ask(plain(f"number {n}", of) for n in range(30)))
        assert batches(mock) == 0


def test_a_batch_is_as_large_as_the_cap_allows(tmp_path: Path) -> None:
    with serving() as mock:
        of = settings(mock.url, price=PRICE, batch=True, budget_usd=0.01)
        with teacher(of, tmp_path) as asked:
            assert len(list(asked.ask(plain(f"number {n}", of) for n in range(100)))) == 100
            assert asked.budget.cost <= 10_000_000
        assert batches(mock) > 1  # what all of them could have cost at most did not fit at once


def test_a_batch_whose_making_was_answered_by_nothing_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = BatchAsker._once
    lost: list[str] = []

    async def lose(self: BatchAsker, method: str, path: str, data: Any) -> tuple[int, bytes]:
        answer = await once(self, method, path, data)
        if (method, path) == ("POST", "/batches") and not lost:
            lost.append(path)
            return 0, b""
        return answer

    monkeypatch.setattr(BatchAsker, "_once", lose)
    with serving() as mock:
        of = settings(mock.url, price=PRICE, batch=True)
        with teacher(of, tmp_path) as asked:
            assert len(list(asked.ask(plain(f"number {n}", of) for n in range(20)))) == 20
        assert batches(mock) == len(lost) == 1


def test_a_batch_that_nobody_knows_any_longer_is_asked_anew(tmp_path: Path) -> None:
    of = settings("http://127.0.0.1:1/v1", price=PRICE, batch=True)
    with teacher(of, tmp_path) as asked:
        asked._journal.note_batch("run", "mock", Batch("gone", "batch_gone", b""))
    with serving() as mock:
        of = settings(mock.url, price=PRICE, batch=True)
        with teacher(of, tmp_path) as asked:
            assert len(list(asked.ask(plain(f"number {n}", of) for n in range(5)))) == 5
        with teacher(of, tmp_path) as asked:
            assert asked._journal.open_batches("run", "mock") == []


def test_many_questions_go_into_several_files(tmp_path: Path) -> None:
    with serving() as mock:
        of = settings(mock.url, batch=True, batch_requests=20)
        with teacher(of, tmp_path) as asked:
            assert len(list(asked.ask(plain(f"number {n}", of) for n in range(50)))) == 50
        assert batches(mock) == 3


def test_a_server_without_batches_is_one_sentence(tmp_path: Path) -> None:
    with serving() as mock:
        of = settings(mock.url.replace("/v1", "/v2"), batch=True)
        with teacher(of, tmp_path) as asked, pytest.raises(TeacherError, match="/files cannot be used for batches"):
            list(asked.ask([plain("a question", of)]))
