"""A teacher: turns questions into replies, in the same order.

Reads the journal before anything is sent. Key idea: the caller gets a plain iterator. Known answers come from the journal
and all others from the network; neither order nor content depends on timing.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from codeprimer.core.errors import RecipeError
from codeprimer.teachers.budget import Account, Budget
from codeprimer.teachers.errors import BudgetError
from codeprimer.teachers.items import Item, advance
from codeprimer.teachers.journal import FILE_NAME, Journal
from codeprimer.teachers.prices import Tariff, as_usd, tariff_of
from codeprimer.teachers.questions import Question, Result
from codeprimer.teachers.requests import Answer, RequestEncoder
from codeprimer.teachers.settings import TeacherSettings

if TYPE_CHECKING:
    from codeprimer.teachers.scheduler import Scheduler

LOOK_AHEAD = 16
"""Questions accepted ahead of the earliest open question, as a multiple of the maximum in flight; limits memory use."""

TAKEN_AT_ONCE = 64
"""Questions looked up in the journal at once."""

WAKE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Reply(Result):
    """The result of a question, with all its answers."""

    answers: tuple[Answer, ...] = ()
    """In order; the last answer determines the result."""

    @property
    def request_id(self) -> str | None:
        """The id of the last request."""
        return self.answers[-1].request_id if self.answers else None

    @property
    def cost(self) -> int:
        """The cost of all answers, including those paid for in earlier runs [nano-USD]."""
        return sum([answer.cost for answer in self.answers])


@dataclass(frozen=True)
class Access:
    """How to open a teacher; used by callers that open it only if they have questions."""

    settings: TeacherSettings
    folder: Path | None = None
    """The journal's folder; None if the run is only planned."""
    account: str = ""
    section: str = "teacher"
    """The teacher's section in the recipe, for messages."""

    def open(self) -> Teacher:
        """Open the teacher. Raises the same errors as the constructor of ``Teacher``."""
        assert self.folder is not None, "this access was created for planning only"
        return Teacher(self.settings, self.folder, self.account, self.section)

    @property
    def tariff(self) -> Tariff:
        """The teacher's tariff. Raises RecipeError if the price is unknown."""
        return tariff_of(self.settings, self.section)


class Teacher:
    """One language model; a context manager."""

    def __init__(self, settings: TeacherSettings, folder: Path, account: str, section: str = "teacher") -> None:
        """``folder`` contains the journal, ``account`` pays, and ``section`` is the recipe's section, for messages.

        Raises RecipeError if the price or the key is unknown, StoreError if the journal cannot be used.
        """
        self.settings = settings
        self._section = section
        self._tariff = tariff_of(settings, section)
        self._key = key_of(settings, section)
        self._account = account
        self._encoder = RequestEncoder(settings)
        self._journal = Journal(folder / FILE_NAME)
        self.budget = Budget(settings, self._tariff, self._journal.spent(account, settings.model))
        self._changed = threading.Condition()
        self._starting = threading.Lock()
        self._scheduler: Scheduler | None = None

    def ask(self, questions: Iterable[Question], expected: int | None = None) -> Iterator[Reply]:
        """Yield the reply to each question, in order; questions are consumed as capacity allows.

        ``expected`` is the number of questions, for messages. Raises BudgetError when the budget is used up, and TeacherError
        when the teacher cannot be used; all answers so far are then in the journal.
        """
        if self.settings.batch:
            yield from self._ask_by_batches(iter(questions), expected)
            return
        self._take_open_batches()
        source = iter(questions)
        waiting: deque[Item] = deque()
        room = max(TAKEN_AT_ONCE, LOOK_AHEAD * self.settings.max_in_flight * len(self.settings.addresses))
        taken, more, cost = 0, True, 0
        while True:
            while more and len(waiting) <= room - TAKEN_AT_ONCE:
                fresh = [self._item(taken + n, q) for n, q in enumerate(islice(source, TAKEN_AT_ONCE))]
                more = bool(fresh)
                taken += len(fresh)
                waiting += fresh
                if unknown := self._from_journal(fresh):
                    self._started().submit(unknown)
            if not waiting:
                return
            self._wait_for(waiting[0], taken - len(waiting), cost, expected)
            reply = self._reply(waiting.popleft())
            cost += reply.cost
            yield reply

    def _ask_by_batches(self, source: Iterator[Question], expected: int | None) -> Iterator[Reply]:
        """Yield replies, one batch file at a time."""
        from codeprimer.teachers.batch import BatchAsker

        asker = BatchAsker(self.settings, self._encoder, self._as_account(), self._key)
        done, cost = 0, 0
        while items := [self._item(n, q) for n, q in enumerate(islice(source, self.settings.batch_requests))]:
            try:
                asker.settle(self._from_journal(items))
            except BudgetError:
                raise BudgetError(self._at_the_cap(done, cost, expected)) from None
            for item in items:
                reply = self._reply(item)
                cost += reply.cost
                yield reply
            done += len(items)

    def _item(self, number: int, question: Question) -> Item:
        return Item(number, question, question.first())

    def _from_journal(self, items: list[Item]) -> list[Item]:
        """Advance the questions as far as the journal has answers; return those that need a request."""
        left, asked = [], items
        while asked:
            for item in asked:
                item.body, item.key = self._encoder.encode(item.request)
            known = self._journal.find([item.key for item in asked])
            left += [item for item in asked if item.key not in known]
            asked = [item for item in asked if item.key in known and not advance(item, known[item.key])]
        return left

    def _started(self) -> Scheduler:
        with self._starting:
            if self._scheduler is None:
                from codeprimer.teachers.scheduler import (
                    Scheduler,  # loads the network code, which is not needed if all answers are in the journal
                )

                self._scheduler = Scheduler(
                    self.settings, self._encoder, self._as_account(), self._key, self._notify, self._section
                )
            return self._scheduler

    def _as_account(self) -> Account:
        return Account(self._journal, self.budget, self._account)

    def _take_open_batches(self) -> None:
        """Collect batches that an earlier run submitted, even if this run does not use batches."""
        if self._journal.open_batches(self._account, self.settings.model):
            from codeprimer.teachers.batch import BatchAsker

            BatchAsker(self.settings, self._encoder, self._as_account(), self._key)

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _wait_for(self, item: Item, done: int, cost: int, expected: int | None) -> None:
        if item.result is not None:
            return
        scheduler = self._started()
        with self._changed:
            while item.result is None and scheduler.failure is None and scheduler.is_alive:
                self._changed.wait(WAKE_SECONDS)
        if item.result is None:
            if scheduler.failure is None:
                raise RuntimeError("the scheduler ended without an error; please report this")
            if isinstance(scheduler.failure, BudgetError):
                raise BudgetError(self._at_the_cap(done, cost, expected))
            raise scheduler.failure

    def _at_the_cap(self, done: int, cost: int, expected: int | None) -> str:
        """Return the message that the budget is reached: ``done`` of the ``expected`` questions cost ``cost``."""
        name = "budget_tokens" if self.settings.budget_usd is None else "budget_usd"
        text = (
            f"{self._section}.{name}: the budget of {self.budget.cap()} is reached: {self.budget.describe()} spent, and "
            "another request could exceed it; "
        )
        if expected is not None and done:
            left = max(1, expected - done)
            text += f"{left:,} of {expected:,} questions remain"
            if self._tariff.is_known:
                text += f", about {as_usd(left * cost // done)}"
            text += "; "
        return text + f"raise {self._section}.{name} and run again; no request is paid for twice"

    def _reply(self, item: Item) -> Reply:
        result = item.result
        assert result is not None
        return Reply(result.value, result.reason, result.detail, tuple(item.answers))

    def close(self) -> None:
        """Wait for the requests in flight, which are paid for, and close the journal."""
        if self._scheduler is not None:
            self._scheduler.close()
            self._scheduler = None
        self._journal.close()

    def __enter__(self) -> Teacher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def key_of(settings: TeacherSettings, section: str = "teacher") -> str:
    """Return the API key, or an empty string if none is configured. Raises RecipeError if it is missing or malformed."""
    if settings.api_key_env is None:
        return ""
    key = os.environ.get(settings.api_key_env, "").strip()
    if not key.isprintable() or not key.isascii():
        raise RecipeError(
            f"{section}.api_key_env: the value of the environment variable {settings.api_key_env} is not a valid "
            "key: it has characters that are not allowed in an HTTP header"
        )
    if not key:
        raise RecipeError(
            f"{section}.api_key_env: the environment variable {settings.api_key_env} is not set; set it to the API key"
        )
    return key
