"""Interrupts: deferred to a point where the work can stop, and received while other threads work."""

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
from codeprimer.core.interrupts import SIGNALS, defer_interrupts, first_done


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


def test_an_interrupt_waits_until_the_work_delivers_it() -> None:
    with pytest.raises(Stopped), defer_interrupts() as interrupt:
        send(signal.SIGTERM)
        assert interrupt.is_pending
        interrupt.deliver()
        raise AssertionError("it went on")
    with pytest.raises(Stopped):
        send(signal.SIGTERM)


def test_an_undelivered_interrupt_comes_at_the_end_of_the_block() -> None:
    reached = []
    with pytest.raises(Stopped), defer_interrupts():
        send(signal.SIGINT)
        reached.append("the end")
    assert reached


def test_signals_at_once_count_as_one_and_a_later_one_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    reached = []
    with pytest.raises(Stopped), defer_interrupts():
        send(signal.SIGINT)
        send(signal.SIGTERM)
        reached.append("the end")
    assert reached == ["the end"]
    monkeypatch.setattr(interrupts, "DEBOUNCE_SECONDS", 0.0)
    with pytest.raises(Stopped), defer_interrupts():
        send(signal.SIGINT)
        send(signal.SIGTERM)
        reached.append("too far")
    assert reached == ["the end"]


def test_a_signal_delivered_to_another_thread_is_handled_while_the_main_thread_waits() -> None:
    first, end = threading.get_ident(), threading.Event()

    def work() -> bool:
        time.sleep(0.7)  # by then the main thread waits
        assert threading.get_ident() != first
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        return end.wait(20.0)

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        with pytest.raises(Stopped):
            first_done([working])
        end.set()
    assert working.result(), "it was not handled until the work had ended"


@pytest.mark.parametrize(("debounce", "code"), [(60.0, 130), (0.0, -signal.SIGTERM)])
def test_a_command_that_is_exiting_ignores_a_repeated_signal_and_obeys_a_new_one(debounce: float, code: int) -> None:
    program = (
        "import sys, time\nfrom codeprimer import __main__ as program\nfrom codeprimer.commands import app\n"
        "from codeprimer.core import interrupts\n"
        "def leave(*_):\n"
        "    print('leaving', flush=True)\n"
        "    sys.stdin.read()\n"
        "    raise SystemExit(130)\n"
        f"interrupts.DEBOUNCE_SECONDS = {debounce}\n"
        "app._fail = leave\n"
        "app.app = lambda: (print('here', flush=True), time.sleep(30))\n"
        "program.main()\n"
    )
    run, pipe = [sys.executable, "-c", program], subprocess.PIPE
    with subprocess.Popen(run, stdin=pipe, stdout=pipe, text=True) as command:
        assert command.stdin is not None and command.stdout is not None
        assert command.stdout.readline() == "here\n"
        command.send_signal(signal.SIGINT)
        assert command.stdout.readline() == "leaving\n"
        command.send_signal(signal.SIGTERM)
        command.stdin.close()
        assert command.wait(20) == code
