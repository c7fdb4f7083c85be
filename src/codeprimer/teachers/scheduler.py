"""Keeps as many requests in flight as the endpoints allow, in a thread with its own event loop.

Reads items; writes answers to the journal. Key ideas: an item that waits for a retry does not occupy a slot but waits in
a heap until it is due; the earliest item is sent first, because results are needed in order; possible charges are on disk
before a request is sent, and an answer is on disk before it is reported; and identical requests are sent once.
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

from codeprimer.core.errors import StoreError
from codeprimer.teachers.budget import Account, Reservation
from codeprimer.teachers.client import Client, NotSent
from codeprimer.teachers.endpoint import NO_ROOM, Endpoint
from codeprimer.teachers.errors import BudgetError, TeacherError
from codeprimer.teachers.items import Item, follow
from codeprimer.teachers.outcomes import FINAL, MAYBE_BILLED, Failure, FailureReason, Success
from codeprimer.teachers.questions import Result
from codeprimer.teachers.requests import Answer, RequestEncoder
from codeprimer.teachers.settings import TeacherSettings
from codeprimer.teachers.writer import Entry, Writer

FIRST_WAIT, MAX_WAIT = 0.25, 60.0
"""Exponential backoff for a request: first and maximum wait [s]."""

SWEEP_SECONDS = 0.1
"""Interval between checks for timeouts [s]."""

DRAIN_SECONDS, SHORT_DRAIN_SECONDS = 30.0, 1.0
"""Maximum wait for requests in flight when a run stops early, because they are paid for; the shorter wait applies if no
endpoint has ever answered [s]."""

_log = logging.getLogger(__name__)


@dataclass
class Attempt:
    """A request in flight."""

    item: Item
    endpoint: Endpoint
    started: float
    task: asyncio.Task[None] | None = None


class Scheduler:
    """Sends requests to one teacher, at all its URLs."""

    def __init__(
        self,
        settings: TeacherSettings,
        encoder: RequestEncoder,
        account: Account,
        key: str,
        notify: Callable[[], None],
        name: str = "teacher",
    ) -> None:
        """``notify`` is called in the scheduler's thread when items have a result or when the run has failed.

        ``name`` is the recipe's section, for messages.
        """
        self._name = name
        self._settings = settings
        self._encoder = encoder
        self._journal = account.journal
        self._budget = account.budget
        self._key = key
        self._notify = notify
        self._ready: list[Item] = []
        self._due: list[tuple[float, Item]] = []
        self._same: dict[bytes, list[Item]] = {}
        """For each open request, further items with the same request."""
        self._attempts: dict[int, Attempt] = {}
        self._attempt_numbers = 0
        self._timer: asyncio.TimerHandle | None = None
        self._random = random.Random()
        self._is_open = True
        self.failure: Exception | None = None
        self._account = account.name
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._on_exception)
        self._writer = Writer(account, settings.model, self._on_disk)
        self._has_begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name="teachers", daemon=True)
        self._thread.start()
        self._has_begun.wait()

    # --- called by the teacher ----------------------------------------------------------------------------------------

    def submit(self, items: Sequence[Item]) -> None:
        """Queue items."""
        self._loop.call_soon_threadsafe(self._add, items)

    def close(self) -> None:
        """Wait for the requests in flight, write their answers, and stop."""
        if not self.is_alive:
            return
        asyncio.run_coroutine_threadsafe(self._drain(), self._loop).result()
        self._budget.release_record()
        self._writer.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @property
    def is_alive(self) -> bool:
        """Whether the thread is running."""
        return self._thread.is_alive()

    # --- in the loop's thread -----------------------------------------------------------------------------------------

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
        settings = self._settings
        self._client = Client(self._key, settings.max_in_flight, len(settings.addresses))
        self._endpoints = [Endpoint(address, settings, self._client) for address in settings.addresses]
        self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep)

    async def _end(self) -> None:
        await self._client.close()
        await asyncio.sleep(0)  # transports close in the next iteration of the loop

    def _on_exception(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Report an unexpected error to the caller, which would otherwise wait."""
        error = context.get("exception")
        self._fail(error if isinstance(error, Exception) else RuntimeError(str(context.get("message"))))

    def _add(self, items: Iterable[Item]) -> None:
        for item in items:
            self._enqueue(item)
        self._pump()

    def _enqueue(self, item: Item) -> None:
        """Queue an item's request, unless the same request is already open."""
        if item.key in self._same:
            self._same[item.key].append(item)
            return
        self._same[item.key] = []
        item.reserved = self._worst_case(item)
        heapq.heappush(self._ready, item)

    def _worst_case(self, item: Item) -> Reservation:
        request = item.request
        return self._budget.worst_case(len(item.body), len(request.messages), self._encoder.max_tokens(request))

    def _pump(self) -> None:
        """Send the requests that may be sent now, and set the timer for the next call."""
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
            if item.reserved.overrun != self._budget.overrun:
                item.reserved = self._worst_case(item)
            endpoint, wait = self._choose(item.reserved.tokens, now)
            if wait > 0:
                soonest = min(soonest, now + wait)
                break
            if not self._budget.reserve(item.reserved):
                if self._budget.is_idle:
                    self._fail(BudgetError(f"the budget of {self._budget.cap()} is reached"))
                break  # the requests in flight may free enough
            heapq.heappop(self._ready)
            endpoint.begin(item.reserved.tokens, now)
            chosen.append((item, endpoint))
        if chosen and (to_record := self._budget.to_record()) is not None:
            try:
                self._journal.note_open(self._account, self._settings.model, to_record)
            except StoreError as error:
                self._fail(error)
                return
        for item, endpoint in chosen:
            self._start(item, endpoint, now)
        self._set_timer(soonest)

    def _choose(self, tokens: int, now: float) -> tuple[Endpoint, float]:
        """Return the endpoint that is available soonest (the least busy if there are several), and the wait [s]."""
        if len(self._endpoints) == 1:
            return self._endpoints[0], self._endpoints[0].wait(tokens, now)
        waits = [(endpoint.wait(tokens, now), endpoint.in_flight) for endpoint in self._endpoints]
        place = min(range(len(waits)), key=waits.__getitem__)
        return self._endpoints[place], waits[place][0]

    def _set_timer(self, soonest: float) -> None:
        """Schedule ``_pump`` at a time on the loop's clock, unless an earlier call is scheduled."""
        if soonest == NO_ROOM or (self._timer is not None and self._timer.when() <= soonest):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(soonest, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._pump()

    def _start(self, item: Item, endpoint: Endpoint, now: float) -> None:
        number = self._attempt_numbers = self._attempt_numbers + 1
        attempt = self._attempts[number] = Attempt(item, endpoint, now)
        attempt.task = self._loop.create_task(self._run_attempt(number, attempt))

    async def _run_attempt(self, number: int, attempt: Attempt) -> None:
        try:
            outcome = await attempt.endpoint.send(attempt.item.request.path, attempt.item.body)
        except NotSent:
            seconds = self._loop.time() - attempt.started
            outcome = Failure(FailureReason.UNREACHABLE, f"no connection within {seconds:.1f} s")
        except asyncio.CancelledError:
            seconds = self._loop.time() - attempt.started
            outcome = Failure(FailureReason.TIMED_OUT, f"no answer within {seconds:.1f} s")
        except Exception as error:  # unexpected: report it to the caller, which would otherwise wait
            del self._attempts[number]
            self._fail(error)
            return
        del self._attempts[number]
        now = self._loop.time()
        seconds = now - attempt.started
        attempt.endpoint.end(outcome, seconds, now)
        if isinstance(outcome, Success):
            self._receive(attempt.item, outcome, seconds)
        else:
            self._try_again(attempt.item, attempt.endpoint, outcome, now)
        self._pump()

    def _sweep(self) -> None:
        """Cancel attempts that exceed their timeout."""
        now = self._loop.time()
        for attempt in self._attempts.values():
            if now - attempt.started > attempt.endpoint.timeout.seconds(attempt.item.timeouts):
                assert attempt.task is not None
                attempt.task.cancel()  # repeated by every sweep: a library may have swallowed the last cancellation
        self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep)

    def _receive(self, item: Item, success: Success, seconds: float) -> None:
        """Write an answer."""
        assert item.reserved is not None
        answer = self._budget.answer(item.key, success, item.reserved, seconds)
        self._writer.add(Entry(answer, item.body, item))

    def _on_disk(self, entries: Sequence[Entry]) -> None:
        """Release the reservations of answers that are on disk; called in the writer's thread."""
        for entry in entries:
            reserved, answer = entry.item.reserved, entry.answer
            if not self._writer.failure:
                tokens = answer.prompt_tokens + answer.completion_tokens
                self._budget.settle(reserved, *((answer.cost, tokens) if answer.is_new else (0, 0)))
        self._loop.call_soon_threadsafe(self._settle, entries)

    def _settle(self, entries: Sequence[Entry]) -> None:
        if self._writer.failure:
            self._fail(StoreError(self._writer.failure))
            return
        for entry in entries:
            others = self._same.pop(entry.answer.key)
            self._take(entry.item, entry.answer)
            for item in others:
                self._take(item, replace(entry.answer, is_new=False))  # the other items get the same answer at no cost
        self._notify()
        self._pump()

    def _take(self, item: Item, answer: Answer) -> None:
        """Process an answer; queue the question's next request, if any."""
        item.failures = item.tries = item.timeouts = 0
        if not follow(item, answer, self._encoder, self._journal):
            self._enqueue(item)

    def _try_again(self, item: Item, endpoint: Endpoint, failure: Failure, now: float) -> None:
        assert item.reserved is not None
        (self._budget.keep_reserved if failure.reason in MAYBE_BILLED else self._budget.release)(item.reserved)
        if sentence := endpoint.why_give_up(failure, now):
            sentence = f"{self._name}: {sentence}"
            if len(self._endpoints) > 1 and endpoint in self._endpoints:
                _log.warning("%s; dropping this address", sentence)
                self._endpoints.remove(endpoint)
            elif endpoint in self._endpoints:
                self._fail(TeacherError(sentence))
                return
        elif (
            failure.reason is not FailureReason.RATE_LIMITED
            and endpoint.has_answered
            and not endpoint.breaker.is_probing
        ):
            item.failures += 1  # during an outage, the request is not to blame
        item.tries += 1
        item.timeouts += failure.reason is FailureReason.TIMED_OUT
        if failure.reason in FINAL:
            self._give_up(item, failure)
            return
        if item.failures >= self._settings.attempts:
            if not self._settings.set_aside:
                self._fail(TeacherError(self._too_many_failures(item, failure)))
                return
            self._give_up(item, failure)
            return
        wait = failure.retry_after
        if wait is None:
            wait = min(MAX_WAIT, FIRST_WAIT * 2.0 ** min(item.tries - 1, 16)) * self._random.uniform(0.5, 1.0)
        heapq.heappush(self._due, (now + wait, item))

    def _give_up(self, item: Item, failure: Failure) -> None:
        """End a question without an answer; queue the other items with the same request."""
        item.result = Result(None, failure.reason.value, failure.detail)
        for other in self._same.pop(item.key):
            self._enqueue(other)
        self._notify()

    def _too_many_failures(self, item: Item, failure: Failure) -> str:
        return (
            f"{self._name}: a request failed {item.failures} times while others were answered: {failure.detail}; run again "
            f"(no request is paid for twice), or set failing questions aside with {self._name}.set_aside: true"
        )

    def _fail(self, error: Exception) -> None:
        if self.failure is None:
            self.failure = error
        self._is_open = False
        self._notify()

    async def _drain(self) -> None:
        self._is_open = False
        self._sweeper.cancel()
        tasks = [attempt.task for attempt in self._attempts.values() if attempt.task is not None]
        if tasks:
            has_answered = any(attempt.endpoint.has_answered for attempt in self._attempts.values())
            patience = DRAIN_SECONDS if has_answered or self.failure is None else SHORT_DRAIN_SECONDS
            _log.info("waiting for %d requests in flight, which are paid for", len(tasks))
            _, late = await asyncio.wait(tasks, timeout=patience)
            while late:
                for task in late:
                    task.cancel()
                _, late = await asyncio.wait(late, timeout=SWEEP_SECONDS)
