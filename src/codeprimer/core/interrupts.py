"""Ctrl-C and SIGTERM: turning them into an exception, deferring them, and receiving them while other threads work.

A signal ends a run by raising an exception. A block that would lose work defers the signal to its next safe point; a second
signal takes effect at once.
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

DEBOUNCE_SECONDS = 0.5
"""Signals closer together than this are treated as one: supervisors and terminals often send two [s]."""

POLL_SECONDS = 0.5
"""How long a waiting thread may block without handling signals [s]."""


class StopHandler:
    """Ends the command on a signal, by raising an exception."""

    def __init__(self) -> None:
        self._when = -DEBOUNCE_SECONDS
        self._is_exiting = False

    def install(self) -> None:
        """Handle signals from now on."""
        for number in SIGNALS:
            signal.signal(number, self)

    def exit_on_next(self) -> None:
        """Let the next signal kill the process; call it once the command is exiting."""
        self._is_exiting = True

    def __call__(self, number: int, frame: object) -> None:
        """Raise Interrupted, or kill the process if it is already exiting."""
        del frame
        if time.monotonic() - self._when < DEBOUNCE_SECONDS:
            return
        if self._is_exiting:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self._when = time.monotonic()
        raise Interrupted("stopped; everything finished so far is kept, and the same command continues")


class DeferredInterrupt:
    """An interrupt that waits until the work can stop."""

    def __init__(self) -> None:
        self._pending: tuple[int, FrameType | None] | None = None
        self._when = -DEBOUNCE_SECONDS
        self._handlers: dict[int, Any] = {}

    @property
    def is_pending(self) -> bool:
        """Whether an interrupt is pending."""
        return self._pending is not None

    def deliver(self) -> None:
        """Call the handler of the pending interrupt, which usually raises."""
        assert self._pending is not None
        number, frame = self._pending
        self._pending = None
        self._handle(number, frame)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        handler = self._handlers[number]
        if callable(handler):
            handler(number, frame)
        elif handler != signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if time.monotonic() - self._when < DEBOUNCE_SECONDS:
            return
        if self._pending is not None:
            self._handle(number, frame)
        self._pending, self._when = (number, frame), time.monotonic()


@contextmanager
def defer_interrupts() -> Iterator[DeferredInterrupt]:
    """Defer interrupts to the end of the block; no effect outside the main thread, because only it handles signals."""
    interrupt = DeferredInterrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    interrupt._handlers = {number: signal.signal(number, interrupt._receive) for number in SIGNALS}
    try:
        yield interrupt
    finally:
        for number, handler in interrupt._handlers.items():
            signal.signal(number, handler)
    if interrupt.is_pending:
        interrupt.deliver()


@contextmanager
def children_ignore_ctrl_c() -> Iterator[None]:
    """Make processes started in the block ignore Ctrl-C until they install a handler; this process ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def first_done(futures: Collection[Future[Result]]) -> set[Future[Result]]:
    """Return the completed futures as soon as there are any; signals are handled in the meantime.

    The system may deliver a signal to any thread, but only the main thread runs the handler, so it must not block until
    the work is done.
    """
    while not (done := wait(futures, POLL_SECONDS, FIRST_COMPLETED).done):
        pass
    return done
