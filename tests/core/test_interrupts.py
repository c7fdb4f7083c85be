"""Interrupts that are put off to a place where the work can stop."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from codeprimer.core import interrupts
from codeprimer.core.interrupts import SIGNALS, put_off


class Stopped(BaseException):
    """What a signal becomes in these tests, with its number."""


@pytest.fixture(autouse=True)
def _stopping() -> Iterator[None]:
    before = {number: signal.signal(number, _stop) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def _stop(number: int, frame: object) -> None:
    raise Stopped(number)


def send(number: int) -> None:
    os.kill(os.getpid(), number)


def test_an_interrupt_waits_until_the_work_gives_way() -> None:
    with pytest.raises(Stopped), put_off() as waiting:
        send(signal.SIGTERM)
        assert waiting.came
        waiting.give_way()
        raise AssertionError("it went on")
    with pytest.raises(Stopped):
        send(signal.SIGTERM)


def test_an_interrupt_that_nobody_gave_way_to_comes_at_the_end() -> None:
    reached = []
    with pytest.raises(Stopped), put_off():
        send(signal.SIGINT)
        reached.append("the end")
    assert reached


def test_signals_at_once_are_one_wish_and_a_later_one_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    reached = []
    with pytest.raises(Stopped), put_off():
        send(signal.SIGINT)
        send(signal.SIGTERM)
        reached.append("the end")
    assert reached == ["the end"]
    monkeypatch.setattr(interrupts, "ONE_WISH", 0.0)
    with pytest.raises(Stopped), put_off():
        send(signal.SIGINT)
        send(signal.SIGTERM)
        reached.append("too far")
    assert reached == ["the end"]
