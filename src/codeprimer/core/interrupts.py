"""Ctrl-C and SIGTERM: what they do, how they are put off until the work can stop, and how they are heard while others work.

Reads signals. Its one idea: they end a run by an exception wherever it is, and where half a step would be lost by that, they
only leave word; a second one no longer waits.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from codeprimer.core.errors import Interrupted

Result = TypeVar("Result")

SIGNALS = (signal.SIGINT, signal.SIGTERM)

ONE_WISH = 0.5
"""Signals that come so soon after each other say the same thing twice, as supervisors and terminals do [s]."""

DEAF_SECONDS = 0.5
"""How long a thread that waits may hear nothing [s]."""


class Stop:
    """Ends the command at a signal, by an exception; one right behind it, which would hit the way out, says nothing new."""

    def __init__(self) -> None:
        self._when = -ONE_WISH
        self._is_leaving = False

    def hear(self) -> None:
        """Act on signals from now on."""
        for number in SIGNALS:
            signal.signal(number, self)

    def leave(self) -> None:
        """Have the next wish, if somebody is still waited for on the way out, end the process there and then."""
        self._is_leaving = True

    def __call__(self, number: int, frame: object) -> None:
        """Raise Interrupted, or end the process."""
        del frame
        if time.monotonic() - self._when < ONE_WISH:
            return
        if self._is_leaving:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self._when = time.monotonic()
        raise Interrupted("stopped; everything finished so far is kept, and the same command continues")


class PutOff:
    """Whether an interrupt has come, and how to give way to it."""

    def __init__(self) -> None:
        self._came: tuple[int, FrameType | None] | None = None
        self._when = -ONE_WISH
        self._before: dict[int, Any] = {}

    @property
    def came(self) -> bool:
        """Whether there is an interrupt."""
        return self._came is not None

    def give_way(self) -> None:
        """Do now what the interrupt asked for; mostly that raises."""
        assert self._came is not None
        number, frame = self._came
        self._came = None
        self._act(number, frame)

    def _act(self, number: int, frame: FrameType | None) -> None:
        handler = self._before[number]
        if callable(handler):
            handler(number, frame)
        elif handler != signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if time.monotonic() - self._when < ONE_WISH:
            return
        if self._came is not None:
            self._act(number, frame)
        self._came, self._when = (number, frame), time.monotonic()


@contextmanager
def put_off() -> Iterator[PutOff]:
    """Hold interrupts back within the block; in a thread that no signal reaches, nothing changes."""
    waiting = PutOff()
    if threading.current_thread() is not threading.main_thread():
        yield waiting
        return
    waiting._before = {number: signal.signal(number, waiting._note) for number in SIGNALS}
    try:
        yield waiting
    finally:
        for number, handler in waiting._before.items():
            signal.signal(number, handler)
    if waiting.came:
        waiting.give_way()


@contextmanager
def unheard() -> Iterator[None]:
    """Have a process that is started here not hear Ctrl-C before it is ready for it; this one hears it and ends it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def first_done(futures: Collection[Future[Result]]) -> set[Future[Result]]:
    """Return those of the futures that are done, as soon as one is; interrupts are heard meanwhile.

    The system may hand a signal to any thread, and only the first one acts on it: it must not sleep until the work is done.
    """
    while not (done := wait(futures, DEAF_SECONDS, FIRST_COMPLETED).done):
        pass
    return done
