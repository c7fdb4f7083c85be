"""A teacher: questions go in, what became of each comes out, in their order.

Reads the journal before anything is sent. Its one idea: whoever asks sees a plain iterator; what was ever answered comes
from the journal, the rest from the network, and neither the order nor the content depends on how fast it came.
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
from typing import TYPE_CHECKING, Any

from codeprimer.core.errors import RecipeError
from codeprimer.teachers.errors import BudgetError
from codeprimer.teachers.items import Item, advance
from codeprimer.teachers.journal import FILE_NAME, Journal
from codeprimer.teachers.ledger import Books, Ledger
from codeprimer.teachers.prices import Tariff, as_usd, tariff_of
from codeprimer.teachers.questions import Question
from codeprimer.teachers.requests import Answer, Form
from codeprimer.teachers.settings import TeacherSettings

if TYPE_CHECKING:
    from codeprimer.teachers.scheduler import Scheduler

LOOK_AHEAD = 16
"""So many times what may be in flight is taken on before the earliest is settled; this bounds memory."""

TAKEN_AT_ONCE = 64
"""Questions that are looked up in the journal together."""

WAKE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a question."""

    value: Any
    """None where there is a fault."""
    fault: str
    """Why there is no value, in one word; nothing where there is one."""
    detail: str
    answers: tuple[Answer, ...]
    """Everything that was said, the last one decides."""

    @property
    def request_id(self) -> str | None:
        """The id of the request whose answer this is."""
        return self.answers[-1].request_id if self.answers else None

    @property
    def cost(self) -> int:
        """What all its answers cost, whenever that was [nano-USD]."""
        return sum([answer.cost for answer in self.answers])


@dataclass(frozen=True)
class Access:
    """How a teacher is reached, for whoever opens it only when there is something to ask."""

    settings: TeacherSettings
    folder: Path | None = None
    """Where the journal lies; None where nothing will be asked, because a run is only planned."""
    account: str = ""
    section: str = "teacher"
    """What the recipe calls it."""

    def open(self) -> Teacher:
        """Return the teacher. Raises what its constructor raises."""
        assert self.folder is not None, "this access was made for planning only"
        return Teacher(self.settings, self.folder, self.account, self.section)

    @property
    def tariff(self) -> Tariff:
        """What it costs. Raises RecipeError where that is not known."""
        return tariff_of(self.settings, self.section)


class Teacher:
    """One model to ask; a context manager."""

    def __init__(self, settings: TeacherSettings, folder: Path, account: str, section: str = "teacher") -> None:
        """The journal lies in ``folder``; what is spent is booked on ``account``; ``section`` is the recipe's word for it.

        Raises RecipeError where the price or the key is not known, StoreError where the journal cannot be used.
        """
        self.settings = settings
        self._section = section
        self._tariff = tariff_of(settings, section)
        self._key = key_of(settings, section)
        self._account = account
        self._form = Form(settings)
        self._journal = Journal(folder / FILE_NAME)
        self.ledger = Ledger(settings, self._tariff, self._journal.spent(account, settings.model))
        self._changed = threading.Condition()
        self._starting = threading.Lock()
        self._scheduler: Scheduler | None = None

    def ask(self, questions: Iterable[Question], expected: int | None = None) -> Iterator[Reply]:
        """Yield what becomes of each question, in order; questions are taken as there is room for them.

        ``expected`` is how many there will be, for messages. Raises BudgetError when the cap is reached, TeacherError
        when the teacher cannot be asked at all; everything that was answered is in the journal then.
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
        """Yield replies a file of requests at a time."""
        from codeprimer.teachers.batch import BatchAsker

        asker = BatchAsker(self.settings, self._form, self._books(), self._key)
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
        """Settle what the journal can settle; return the rest."""
        left, asked = [], items
        while asked:
            for item in asked:
                item.body, item.key = self._form.encode(item.request)
            known = self._journal.find([item.key for item in asked])
            left += [item for item in asked if item.key not in known]
            asked = [item for item in asked if item.key in known and not advance(item, known[item.key])]
        return left

    def _started(self) -> Scheduler:
        with self._starting:
            if self._scheduler is None:
                from codeprimer.teachers.scheduler import Scheduler  # with it comes the network, seldom needed

                self._scheduler = Scheduler(
                    self.settings, self._form, self._books(), self._key, self._tell, self._section
                )
            return self._scheduler

    def _books(self) -> Books:
        return Books(self._journal, self.ledger, self._account)

    def _take_open_batches(self) -> None:
        """Take the answers of batches that an earlier run has handed in, in whichever way is asked now."""
        if self._journal.open_batches(self._account, self.settings.model):
            from codeprimer.teachers.batch import BatchAsker

            BatchAsker(self.settings, self._form, self._books(), self._key)

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _wait_for(self, item: Item, done: int, cost: int, expected: int | None) -> None:
        if item.settled is not None:
            return
        scheduler = self._started()
        with self._changed:
            while item.settled is None and scheduler.failure is None and scheduler.is_alive:
                self._changed.wait(WAKE_SECONDS)
        if item.settled is None:
            if scheduler.failure is None:
                raise RuntimeError("whoever asks has ended without a word; please report this")
            if isinstance(scheduler.failure, BudgetError):
                raise BudgetError(self._at_the_cap(done, cost, expected))
            raise scheduler.failure

    def _at_the_cap(self, done: int, cost: int, expected: int | None) -> str:
        """Return what to say: ``done`` of the ``expected`` questions cost ``cost``, whenever that was paid."""
        name = "budget_tokens" if self.settings.budget_usd is None else "budget_usd"
        text = (
            f"{self._section}.{name}: the cap of {self.ledger.cap()} is reached: {self.ledger.describe()} spent, and one more "
            "request could go beyond it; "
        )
        if expected is not None and done:
            left = max(1, expected - done)
            text += f"{left:,} of {expected:,} questions are left"
            if self._tariff.is_known:
                text += f", for about {as_usd(left * cost // done)}"
            text += "; "
        return text + "raise the cap and run again, nothing is paid twice"

    def _reply(self, item: Item) -> Reply:
        settled = item.settled
        assert settled is not None
        return Reply(settled.value, settled.fault, settled.detail, tuple(item.answers))

    def close(self) -> None:
        """Wait for what is in flight, which is paid for, and close the journal."""
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
    """Return the key, or nothing where none is needed. Raises RecipeError where it should be there and is not."""
    if settings.api_key_env is None:
        return ""
    key = os.environ.get(settings.api_key_env, "").strip()
    if not key.isprintable() or not key.isascii():
        raise RecipeError(
            f"{section}.api_key_env: what the environment variable {settings.api_key_env} holds is no key; it has "
            "characters that no header may have"
        )
    if not key:
        raise RecipeError(
            f"{section}.api_key_env: the environment variable {settings.api_key_env} is not set; put the key there"
        )
    return key
