"""The budget: the amount spent, the amount reserved, and when to stop.

Reads the journal's sums; writes nothing itself. Key idea: a request's worst-case cost is reserved before it is sent, and
only requests that fit the budget are sent, so the budget holds whatever happens to the requests in flight. A request
without an answer may be billed, so its reservation is kept.
"""

from __future__ import annotations

import logging
import math
import threading
from dataclasses import dataclass

from codeprimer.teachers.journal import Journal, Spent
from codeprimer.teachers.outcomes import Success
from codeprimer.teachers.prices import NANO, Tariff, as_usd
from codeprimer.teachers.requests import Answer
from codeprimer.teachers.settings import TeacherSettings

_log = logging.getLogger(__name__)

FRAME_TOKENS = 16
"""Maximum overhead of a chat format per message [tokens]."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """The worst-case cost of one request."""

    cost: int
    """[nano-USD]"""
    prompt_tokens: int
    completion_tokens: int
    overrun: int = 1
    """Factor for servers that bill more than the limit."""

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens together."""
        return self.prompt_tokens + self.completion_tokens


class Budget:
    """The budget of one account for one teacher; thread-safe."""

    def __init__(self, settings: TeacherSettings, tariff: Tariff, spent: Spent) -> None:
        self.tariff = tariff
        self.cost, self.tokens = spent.cost, spent.tokens
        self.maybe_billed, self.maybe_billed_tokens = spent.maybe_billed, spent.maybe_billed_tokens
        self.open, self.open_tokens = 0, 0
        self.overrun = 1
        """Largest observed ratio of billed tokens to the limit."""
        self._noted, self._noted_tokens = 0, 0
        """The amounts that the journal records as open or maybe billed."""
        self._max = None if settings.budget_usd is None else int(settings.budget_usd * NANO)
        self._max_tokens = settings.budget_tokens
        self._lock = threading.Lock()

    def worst_case(self, message_bytes: int, messages: int, max_tokens: int) -> Reservation:
        """Return a request's worst-case cost: no tokenizer produces more tokens than there are bytes."""
        prompt = message_bytes + FRAME_TOKENS * (messages + 1)
        prompt, completion = prompt * self.overrun, max_tokens * self.overrun
        return Reservation(self.tariff.cost(prompt, completion), prompt, completion, self.overrun)

    def answer(self, key: bytes, success: Success, worst: Reservation, seconds: float) -> Answer:
        """Return an answer with its cost, which is the worst case if no usage was reported."""
        prompt, completion = success.prompt_tokens, success.completion_tokens
        is_metered = prompt is not None and completion is not None
        if prompt is None or completion is None:
            prompt, completion = worst.prompt_tokens, worst.completion_tokens
        self._note_overrun(prompt, completion, worst)
        cost = self.tariff.cost(prompt, completion)
        return Answer(key, success.text, success.finish, prompt, completion, cost, success.model, seconds, is_metered)

    def _note_overrun(self, prompt: int, completion: int, worst: Reservation) -> None:
        """Reserve more from now on if a server bills more than the limit."""
        taken = max(prompt / worst.prompt_tokens, completion / max(1, worst.completion_tokens))
        if taken <= 1:
            return
        overrun = math.ceil(taken * worst.overrun)
        if overrun > self.overrun:
            self.overrun = overrun
            _log.warning(
                "the server bills more tokens than the request's limit: %d input, %d output; reserving %d times as much "
                "from now on",
                prompt,
                completion,
                overrun,
            )

    def reserve(self, reserved: Reservation) -> bool:
        """Reserve a request's worst-case cost; return False if it does not fit the budget."""
        with self._lock:
            if self._max is not None and self.cost + self.maybe_billed + self.open + reserved.cost > self._max:
                return False
            tokens = self.tokens + self.maybe_billed_tokens + self.open_tokens + reserved.tokens
            if self._max_tokens is not None and tokens > self._max_tokens:
                return False
            self.open += reserved.cost
            self.open_tokens += reserved.tokens
            return True

    def to_record(self) -> tuple[int, int, int, int] | None:
        """Return the amounts to record in the journal before more requests are sent, or None if the recorded amounts suffice.

        After a crash, requests that were in flight are treated as maybe billed. A quarter is added to the open amounts so
        that the record changes rarely.
        """
        with self._lock:
            if (
                self.open + self.maybe_billed <= self._noted
                and self.open_tokens + self.maybe_billed_tokens <= self._noted_tokens
            ):
                return None
            self._noted = self.open * 5 // 4 + self.maybe_billed
            self._noted_tokens = self.open_tokens * 5 // 4 + self.maybe_billed_tokens
            return self._reserved()

    def release_record(self) -> None:
        """Drop the added quarter: no more requests will be sent."""
        with self._lock:
            self._noted = self._noted_tokens = 0

    def settle(self, reserved: Reservation, cost: int, tokens: int) -> None:
        """Replace a reservation with the actual cost."""
        with self._lock:
            self._release(reserved)
            self.cost += cost
            self.tokens += tokens

    def add(self, cost: int, tokens: int) -> None:
        """Count spending without a reservation."""
        with self._lock:
            self.cost += cost
            self.tokens += tokens

    def release(self, reserved: Reservation) -> None:
        """Release a reservation: the request was refused and costs nothing."""
        with self._lock:
            self._release(reserved)

    def keep_reserved(self, reserved: Reservation) -> None:
        """Count a reservation as maybe billed: the request was sent but not answered."""
        with self._lock:
            self._release(reserved)
            self.maybe_billed += reserved.cost
            self.maybe_billed_tokens += reserved.tokens

    def _release(self, reserved: Reservation) -> None:
        self.open -= reserved.cost
        self.open_tokens -= reserved.tokens

    def reserved(self) -> tuple[int, int, int, int]:
        """Return the open and the maybe billed amounts: (money, tokens, money, tokens)."""
        with self._lock:
            return self._reserved()

    def _reserved(self) -> tuple[int, int, int, int]:
        open_now = max(self.open, self._noted - self.maybe_billed)
        open_tokens = max(self.open_tokens, self._noted_tokens - self.maybe_billed_tokens)
        return open_now, open_tokens, self.maybe_billed, self.maybe_billed_tokens

    def count_duplicate(self, cost: int, tokens: int) -> None:
        """Count the cost of an answer that another process has already stored: the journal keeps only one of the two."""
        with self._lock:
            self.maybe_billed += cost
            self.maybe_billed_tokens += tokens

    @property
    def is_idle(self) -> bool:
        """Whether nothing is reserved, so that waiting frees no budget."""
        return self.open == 0 and self.open_tokens == 0

    def describe(self) -> str:
        """Return the spending, human-readable."""
        text = as_usd(self.cost) if self.tariff.is_known else f"{self.tokens:,} tokens"
        if self.maybe_billed:
            text += f" (and at most {as_usd(self.maybe_billed)} for requests without an answer)"
        return text

    def cap(self) -> str:
        """Return the limit, human-readable."""
        return f"{self._max_tokens:,} tokens" if self._max is None else as_usd(self._max)


@dataclass(frozen=True, slots=True)
class Account:
    """The journal that stores answers, the budget, and the name of the account that pays."""

    journal: Journal
    budget: Budget
    name: str
