"""Keeps as many requests in flight as the addresses bear, in a thread with an event loop of its own.

Reads items; writes answers to the journal. Four ideas: an item that waits holds no place, it lies in a heap until it is
due; the earliest item is sent first, because results are wanted in order; what can be billed is on disk before it is sent,
and an answer before it is told; and what is asked twice at once is sent once.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import random
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from codeprimer.core.errors import StoreError
from codeprimer.teachers.connections import NotSent
from codeprimer.teachers.endpoint import NO_ROOM, Endpoint
from codeprimer.teachers.errors import BudgetError, TeacherError
from codeprimer.teachers.items import Item, follow
from codeprimer.teachers.journal import Entry, Writer
from codeprimer.teachers.ledger import Books, Reserved
from codeprimer.teachers.outcomes import FINAL, MAYBE_BILLED, Failure, Success, Trouble
from codeprimer.teachers.questions import Settled
from codeprimer.teachers.requests import Answer, Form
from codeprimer.teachers.settings import TeacherSettings

FIRST_WAIT, LONGEST_WAIT = 0.25, 60.0
"""How long a request waits after its first failure, and at most [s]; it doubles."""

SWEEP_SECONDS = 0.1
"""How often attempts are looked at that may have taken too long [s]."""

DRAIN_SECONDS, SHORT_DRAIN_SECONDS = 30.0, 1.0
"""How long what is in flight is waited for when a run ends early, because it is paid for, and where nothing has ever
answered [s]."""

_log = logging.getLogger(__name__)


@dataclass
class Flight:
    """An attempt under way."""

    item: Item
    endpoint: Endpoint
    started: float
    task: asyncio.Task[None] | None = None


class Scheduler:
    """Asks one teacher, at all its addresses."""

    def __init__(
        self,
        settings: TeacherSettings,
        form: Form,
        books: Books,
        key: str,
        tell: Callable[[], None],
        name: str = "teacher",
    ) -> None:
        """``tell`` is called, in this thread of its own, when items have been settled or all has failed.

        ``name`` is the recipe's section, for messages.
        """
        self._name = name
        self._settings = settings
        self._form = form
        self._journal = books.journal
        self._ledger = books.ledger
        self._key = key
        self._tell = tell
        self._ready: list[Item] = []
        self._due: list[tuple[float, Item]] = []
        self._same: dict[bytes, list[Item]] = {}
        """For each request that is being asked, further items that ask the same."""
        self._flights: dict[int, Flight] = {}
        self._flight_numbers = 0
        self._timer: asyncio.TimerHandle | None = None
        self._random = random.Random()
        self._is_open = True
        self.failure: Exception | None = None
        self._account = books.account
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._on_exception)
        ledger = books.ledger
        self._writer = Writer(
            books.journal, books.account, settings.model, ledger.reserved, ledger.pay_twice, self._on_disk
        )
        self._has_begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name="teachers", daemon=True)
        self._thread.start()
        self._has_begun.wait()

    # --- called by whoever asks ---------------------------------------------------------------------------------------

    def submit(self, items: Sequence[Item]) -> None:
        """Have items asked."""
        self._loop.call_soon_threadsafe(self._add, items)

    def close(self) -> None:
        """Wait for what is in flight, because it is paid for, write it, and end."""
        if not self.is_alive:
            return
        asyncio.run_coroutine_threadsafe(self._drain(), self._loop).result()
        self._ledger.forget_note()
        self._writer.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @property
    def is_alive(self) -> bool:
        """Whether there is still somebody who could answer."""
        return self._thread.is_alive()

    # --- in the thread of the loop ------------------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._begin())
        except Exception as error:
            self._fail(error)
            return
        finally:
            self._has_begun.set()
        try:
            self._loop.run_forever()
        finally:
            self._loop.run_until_complete(self._end())
            self._loop.close()

    async def _begin(self) -> None:
        self._endpoints = [Endpoint(address, self._settings, self._key) for address in self._settings.addresses]
        self._all = tuple(self._endpoints)
        self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep)

    async def _end(self) -> None:
        for endpoint in self._all:
            endpoint.close()
        await asyncio.sleep(0)  # connections end in the next round of the loop

    def _on_exception(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Whoever waits for answers has to hear of what nobody has thought of."""
        error = context.get("exception")
        self._fail(error if isinstance(error, Exception) else RuntimeError(str(context.get("message"))))

    def _add(self, items: Iterable[Item]) -> None:
        for item in items:
            self._enqueue(item)
        self._pump()

    def _enqueue(self, item: Item) -> None:
        """Have an item's request sent, unless another item has the same one sent already."""
        if item.key in self._same:
            self._same[item.key].append(item)
            return
        self._same[item.key] = []
        item.reserved = self._most(item)
        heapq.heappush(self._ready, item)

    def _most(self, item: Item) -> Reserved:
        request = item.request
        return self._ledger.most(len(item.body), len(request.messages), self._form.max_tokens(request))

    def _pump(self) -> None:
        """Send what can be sent; see to it that this is called again when there is more."""
        if not self._is_open:
            return
        now = self._loop.time()
        while self._due and self._due[0][0] <= now:
            heapq.heappush(self._ready, heapq.heappop(self._due)[1])
        soonest = self._due[0][0] if self._due else NO_ROOM
        chosen: list[tuple[Item, Endpoint]] = []
        while self._ready:
            item = self._ready[0]
            assert item.reserved is not None
            if item.reserved.overrun != self._ledger.overrun:
                item.reserved = self._most(item)
            endpoint, wait = self._choose(item.reserved.tokens, now)
            if wait > 0:
                soonest = min(soonest, now + wait)
                break
            if not self._ledger.reserve(item.reserved):
                if self._ledger.is_empty:
                    self._fail(BudgetError(f"the cap of {self._ledger.cap()} is reached"))
                break  # something is in flight; what it does not use may be enough
            heapq.heappop(self._ready)
            endpoint.begin(item.reserved.tokens, now)
            chosen.append((item, endpoint))
        if chosen and (to_note := self._ledger.to_note()) is not None:
            try:
                self._journal.note_open(self._account, self._settings.model, to_note)
            except StoreError as error:
                self._fail(error)
                return
        for item, endpoint in chosen:
            self._start(item, endpoint, now)
        self._set_timer(soonest)

    def _choose(self, tokens: int, now: float) -> tuple[Endpoint, float]:
        """Return the address that can be asked soonest, of those the least busy one, and how long that is [s]."""
        if len(self._endpoints) == 1:
            return self._endpoints[0], self._endpoints[0].wait(tokens, now)
        waits = [(endpoint.wait(tokens, now), endpoint.in_flight) for endpoint in self._endpoints]
        place = min(range(len(waits)), key=waits.__getitem__)
        return self._endpoints[place], waits[place][0]

    def _set_timer(self, soonest: float) -> None:
        """Have more sent at a time of the loop's clock, or earlier where that has been asked for already."""
        if soonest == NO_ROOM or (self._timer is not None and self._timer.when() <= soonest):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(soonest, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._pump()

    def _start(self, item: Item, endpoint: Endpoint, now: float) -> None:
        number = self._flight_numbers = self._flight_numbers + 1
        flight = self._flights[number] = Flight(item, endpoint, now)
        flight.task = self._loop.create_task(self._fly(number, flight))

    async def _fly(self, number: int, flight: Flight) -> None:
        try:
            outcome = await flight.endpoint.send(flight.item.request.path, flight.item.body)
        except NotSent:
            seconds = self._loop.time() - flight.started
            outcome = Failure(Trouble.UNREACHABLE, f"no connection within {seconds:.1f} s")
        except asyncio.CancelledError:
            seconds = self._loop.time() - flight.started
            outcome = Failure(Trouble.SILENT, f"no answer within {seconds:.1f} s")
        except Exception as error:  # whoever waits has to hear of what nobody has thought of
            del self._flights[number]
            self._fail(error)
            return
        del self._flights[number]
        now = self._loop.time()
        seconds = now - flight.started
        flight.endpoint.end(outcome, seconds, now)
        if isinstance(outcome, Success):
            self._receive(flight.item, outcome, seconds)
        else:
            self._try_again(flight.item, flight.endpoint, outcome, now)
        self._pump()

    def _sweep(self) -> None:
        """End attempts that take longer than answers do."""
        now = self._loop.time()
        for flight in self._flights.values():
            if now - flight.started > flight.endpoint.patience.seconds(flight.item.silences):
                assert flight.task is not None
                flight.task.cancel()  # again with every sweep: a library may have swallowed the last one
        self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep)

    def _receive(self, item: Item, success: Success, seconds: float) -> None:
        """Have an answer written."""
        assert item.reserved is not None
        answer = self._ledger.answer(item.key, success, item.reserved, seconds)
        self._writer.add(Entry(answer, item.body, item))

    def _on_disk(self, entries: Sequence[Entry]) -> None:
        """Called by the writer's thread: only what is on disk is no longer set aside."""
        for entry in entries:
            reserved, answer = entry.item.reserved, entry.answer
            if not self._writer.failure:
                tokens = answer.prompt_tokens + answer.completion_tokens
                self._ledger.settle(reserved, *((answer.cost, tokens) if answer.is_new else (0, 0)))
        self._loop.call_soon_threadsafe(self._settle, entries)

    def _settle(self, entries: Sequence[Entry]) -> None:
        if self._writer.failure:
            self._fail(StoreError(self._writer.failure))
            return
        for entry in entries:
            others = self._same.pop(entry.answer.key)
            self._take(entry.item, entry.answer)
            for item in others:
                self._take(item, replace(entry.answer, is_new=False))  # whoever else asked the same pays nothing now
        self._tell()
        self._pump()

    def _take(self, item: Item, answer: Answer) -> None:
        """Have a question hear an answer; what it asks next is sent."""
        item.failures = item.tries = item.silences = 0
        if follow(item, answer, self._form, self._journal):
            self._note_reading(item, item.answers[-1])
        else:
            self._enqueue(item)

    def _note_reading(self, item: Item, answer: Answer) -> None:
        """Have what was read in an answer kept apart from it, under the name of how it was read."""
        parser, settled = getattr(item.question, "parser", ""), item.settled
        if parser and settled is not None:
            value = settled.value.model_dump_json() if isinstance(settled.value, BaseModel) else None
            self._writer.note([(answer.key, parser, value, settled.fault or None)])

    def _try_again(self, item: Item, endpoint: Endpoint, failure: Failure, now: float) -> None:
        assert item.reserved is not None
        (self._ledger.lose if failure.trouble in MAYBE_BILLED else self._ledger.release)(item.reserved)
        if sentence := endpoint.hopeless(failure, now):
            sentence = f"{self._name}: {sentence}"
            if len(self._endpoints) > 1 and endpoint in self._endpoints:
                _log.warning("%s; it is left out", sentence)
                self._endpoints.remove(endpoint)
            elif endpoint in self._endpoints:
                self._fail(TeacherError(sentence))
                return
        elif failure.trouble is not Trouble.REFUSED and endpoint.has_answered and not endpoint.breaker.is_probing:
            item.failures += 1  # where nothing comes back at all, the item is not to blame
        item.tries += 1
        item.silences += failure.trouble is Trouble.SILENT
        if failure.trouble in FINAL:
            self._give_up(item, failure)
            return
        if item.failures >= self._settings.attempts:
            if not self._settings.set_aside:
                self._fail(TeacherError(self._worn_out(item, failure)))
                return
            self._give_up(item, failure)
            return
        wait = failure.wait
        if wait is None:
            wait = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(item.tries - 1, 16)) * self._random.uniform(0.5, 1.0)
        heapq.heappush(self._due, (now + wait, item))

    def _give_up(self, item: Item, failure: Failure) -> None:
        """Settle an item without an answer; others that ask the same are sent on their own."""
        item.settled = Settled(None, failure.trouble.value, failure.detail)
        for other in self._same.pop(item.key):
            self._enqueue(other)
        self._tell()

    def _worn_out(self, item: Item, failure: Failure) -> str:
        return (
            f"{self._name}: a request was sent {item.failures} times in vain, though others were answered: "
            f"{failure.detail}; run again, nothing is paid twice, or have such questions set aside with "
            f"{self._name}.set_aside: true"
        )

    def _fail(self, error: Exception) -> None:
        if self.failure is None:
            self.failure = error
        self._is_open = False
        self._tell()

    async def _drain(self) -> None:
        self._is_open = False
        self._sweeper.cancel()
        tasks = [flight.task for flight in self._flights.values() if flight.task is not None]
        if tasks:
            has_answered = any(flight.endpoint.has_answered for flight in self._flights.values())
            patience = DRAIN_SECONDS if has_answered or self.failure is None else SHORT_DRAIN_SECONDS
            _log.info("waiting for %d answers that are paid for", len(tasks))
            _, late = await asyncio.wait(tasks, timeout=patience)
            while late:
                for task in late:
                    task.cancel()
                _, late = await asyncio.wait(late, timeout=SWEEP_SECONDS)
