"""The ledger: what has been spent, what may still be asked for, and when to stop.

Reads the journal's sums; writes nothing itself. Its one idea: before a request is sent, the most that it can cost is set
aside, and only what fits under the cap is sent; so whatever is in flight, and whatever becomes of it, the cap holds. A
request that got no answer may be billed all the same, so what was set aside for it stays counted.
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
"""What a chat format adds to each message at most [tokens]."""


@dataclass(frozen=True, slots=True)
class Reserved:
    """The most that one request can cost."""

    cost: int
    """[nano-USD]"""
    prompt_tokens: int
    completion_tokens: int
    overrun: int = 1
    """So many times what a request may take is set aside, because the server has billed as much."""

    @property
    def tokens(self) -> int:
        """Both together."""
        return self.prompt_tokens + self.completion_tokens


class Ledger:
    """One account with one teacher; its figures may be read and changed by any thread."""

    def __init__(self, settings: TeacherSettings, tariff: Tariff, spent: Spent) -> None:
        self.tariff = tariff
        self.cost, self.tokens = spent.cost, spent.tokens
        self.perhaps, self.perhaps_tokens = spent.perhaps, spent.perhaps_tokens
        self.open, self.open_tokens = 0, 0
        self.overrun = 1
        """So many times what a request may take the server has been seen to bill."""
        self._noted, self._noted_tokens = 0, 0
        """What the journal has, or is about to have, as open or perhaps billed."""
        self._most = None if settings.budget_usd is None else int(settings.budget_usd * NANO)
        self._most_tokens = settings.budget_tokens
        self._lock = threading.Lock()

    def most(self, message_bytes: int, messages: int, max_tokens: int) -> Reserved:
        """Return the most that a request can cost: no tokeniser makes more tokens than there are bytes."""
        prompt = message_bytes + FRAME_TOKENS * (messages + 1)
        prompt, completion = prompt * self.overrun, max_tokens * self.overrun
        return Reserved(self.tariff.cost(prompt, completion), prompt, completion, self.overrun)

    def answer(self, key: bytes, success: Success, most: Reserved, seconds: float) -> Answer:
        """Return an answer with what it costs; where the server does not say what it used, that is the most."""
        prompt, completion = success.prompt_tokens, success.completion_tokens
        is_metered = prompt is not None and completion is not None
        if prompt is None or completion is None:
            prompt, completion = most.prompt_tokens, most.completion_tokens
        self._note_overrun(prompt, completion, most)
        cost = self.tariff.cost(prompt, completion)
        return Answer(key, success.text, success.finish, prompt, completion, cost, success.model, seconds, is_metered)

    def _note_overrun(self, prompt: int, completion: int, most: Reserved) -> None:
        """Set more aside from now on where a server bills more than a request may take."""
        taken = max(prompt / most.prompt_tokens, completion / max(1, most.completion_tokens))
        if taken <= 1:
            return
        overrun = math.ceil(taken * most.overrun)
        if overrun > self.overrun:
            self.overrun = overrun
            _log.warning(
                "the server bills more tokens than a request may take: %d sent, %d answered; %d times as much is set aside "
                "from now on",
                prompt,
                completion,
                overrun,
            )

    def reserve(self, reserved: Reserved) -> bool:
        """Set the most that a request can cost aside; False where it does not fit under the cap any more."""
        with self._lock:
            if self._most is not None and self.cost + self.perhaps + self.open + reserved.cost > self._most:
                return False
            tokens = self.tokens + self.perhaps_tokens + self.open_tokens + reserved.tokens
            if self._most_tokens is not None and tokens > self._most_tokens:
                return False
            self.open += reserved.cost
            self.open_tokens += reserved.tokens
            return True

    def to_note(self) -> tuple[int, int, int, int] | None:
        """Return what the journal must hold before anything more is sent; None where it holds enough.

        A quarter more than is open, so that it seldom has to be asked again: what a killed run had in flight is counted.
        """
        with self._lock:
            if self.open + self.perhaps <= self._noted and self.open_tokens + self.perhaps_tokens <= self._noted_tokens:
                return None
            self._noted = self.open * 5 // 4 + self.perhaps
            self._noted_tokens = self.open_tokens * 5 // 4 + self.perhaps_tokens
            return self._reserved()

    def forget_note(self) -> None:
        """Say that nothing more will be sent: what is open is all that there is."""
        with self._lock:
            self._noted = self._noted_tokens = 0

    def settle(self, reserved: Reserved, cost: int, tokens: int) -> None:
        """Replace what was set aside by what it has cost."""
        with self._lock:
            self._release(reserved)
            self.cost += cost
            self.tokens += tokens

    def add(self, cost: int, tokens: int) -> None:
        """Count what has been spent."""
        with self._lock:
            self.cost += cost
            self.tokens += tokens

    def release(self, reserved: Reserved) -> None:
        """Give back what was set aside: the request was refused, and costs nothing."""
        with self._lock:
            self._release(reserved)

    def lose(self, reserved: Reserved) -> None:
        """Keep what was set aside for a request that was sent and not answered: it may be billed."""
        with self._lock:
            self._release(reserved)
            self.perhaps += reserved.cost
            self.perhaps_tokens += reserved.tokens

    def _release(self, reserved: Reserved) -> None:
        self.open -= reserved.cost
        self.open_tokens -= reserved.tokens

    def reserved(self) -> tuple[int, int, int, int]:
        """Return what is open and what was perhaps billed: money and tokens of each."""
        with self._lock:
            return self._reserved()

    def _reserved(self) -> tuple[int, int, int, int]:
        open_now = max(self.open, self._noted - self.perhaps)
        open_tokens = max(self.open_tokens, self._noted_tokens - self.perhaps_tokens)
        return open_now, open_tokens, self.perhaps, self.perhaps_tokens

    def pay_twice(self, cost: int, tokens: int) -> None:
        """Count an answer that somebody else had been given meanwhile: the journal keeps one of the two."""
        with self._lock:
            self.perhaps += cost
            self.perhaps_tokens += tokens

    @property
    def is_empty(self) -> bool:
        """Whether nothing is set aside, so that waiting frees nothing."""
        return self.open == 0 and self.open_tokens == 0

    def describe(self) -> str:
        """Return what has been spent, for people."""
        text = as_usd(self.cost) if self.tariff.is_known else f"{self.tokens:,} tokens"
        if self.perhaps:
            text += f" (and at most {as_usd(self.perhaps)} for requests without an answer)"
        return text

    def cap(self) -> str:
        """Return the cap, for people."""
        return f"{self._most_tokens:,} tokens" if self._most is None else as_usd(self._most)


@dataclass(frozen=True, slots=True)
class Books:
    """Where answers are kept, and on whose account they are."""

    journal: Journal
    ledger: Ledger
    account: str
