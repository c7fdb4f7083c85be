"""Interrupts that are put off to a place where the work can stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from codeprimer.core import interrupts
from codeprimer.core.interrupts import SIGNALS, first_done, put_off


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


def test_a_signal_that_the_system_hands_to_another_thread_is_heard_while_the_first_one_waits() -> None:
    first, end = threading.get_ident(), threading.Event()

    def work() -> bool:
        time.sleep(1.0)  # by then the first thread waits
        assert threading.get_ident() != first
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        return end.wait(20.0)

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        with pytest.raises(Stopped):
            first_done([working])
        end.set()
    assert working.result(), "it was not heard until the work had ended"


@pytest.mark.parametrize(("one_wish", "code"), [(60.0, 130), (0.0, -signal.SIGTERM)])
def test_a_command_that_is_leaving_ignores_the_same_wish_and_obeys_another(one_wish: float, code: int) -> None:
    program = (
        "import time\nfrom codeprimer import __main__ as program, cli\nfrom codeprimer.core import interrupts\n"
        "def leave(*_):\n"
        "    print('leaving', flush=True)\n"
        "    time.sleep(3.0)\n"
        "    raise SystemExit(130)\n"
        f"interrupts.ONE_WISH = {one_wish}\n"
        "cli._fail = leave\n"
        "cli.app = lambda: (print('here', flush=True), time.sleep(30))\n"
        "program.main()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == "here\n"
        command.send_signal(signal.SIGINT)
        assert command.stdout.readline() == "leaving\n"
        command.send_signal(signal.SIGTERM)
        assert command.wait(20) == code
