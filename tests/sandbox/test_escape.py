"""No program reaches the machine: neither its files, nor its network, nor its processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.sandbox.hostile import escape
from tests.sandbox.hostile.programs import unexpected
from tests.sandbox.watch import watched

from codeprimer.sandbox import Limits, Sandbox, Tier

VICTIM = """
import signal, sys
def tell(number, frame): print(number, flush=True)
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}: signal.signal(number, tell)
print("ready", flush=True)
while True: signal.pause()
"""


class Host:
    """A file, listeners and a process that no program may reach."""

    def __init__(self, folder: Path) -> None:
        self.canary = folder / "canary"
        self.canary.write_text("untouched")
        self._signals: list[str] | None = None
        os.utime(self.canary, (10, 20))
        name = f"codeprimer-test-{os.getpid()}-{os.urandom(4).hex()}"
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self._udp = socket.socket(type=socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", 0))
        self._abstract = socket.socket(socket.AF_UNIX)
        self._abstract.bind("\0" + name)
        self._file = socket.socket(socket.AF_UNIX)
        self._file.bind(str(folder / "socket"))
        for listener in (self._abstract, self._file):
            listener.listen()
        self._victim = subprocess.Popen(
            [sys.executable, "-c", VICTIM], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self._victim.stdout is not None
        assert self._victim.stdout.readline() == "ready\n"
        self.outside = escape.Outside(
            tcp_port=self._tcp.getsockname()[1],
            udp_port=self._udp.getsockname()[1],
            abstract_name=name,
            socket_path=str(folder / "socket"),
            canary=str(self.canary),
            repository_file=__file__,
            caller=os.getpid(),
            victim=self._victim.pid,
        )

    def touched(self) -> list[str]:
        """Return what a program has reached."""
        found = []
        seen = self.canary.stat()
        if (seen.st_atime, seen.st_mtime) != (10, 20) or seen.st_mode & 0o777 != 0o644 or seen.st_nlink != 1:
            found.append("the canary")
        for name, listener in (("TCP", self._tcp), ("abstract", self._abstract), ("socket file", self._file)):
            listener.setblocking(False)
            try:
                listener.accept()[0].close()
                found.append(name)
            except BlockingIOError:
                pass
        self._udp.setblocking(False)
        with suppress(BlockingIOError):
            found.append(f"UDP: {self._udp.recv(100)!r}")
        if self._victim.poll() is not None:
            found.append(f"the victim, {self._victim.returncode}")
        return found

    def close(self) -> list[str]:
        """Close everything; return the signals that the victim received."""
        if self._signals is not None:
            return self._signals
        for each in (self._tcp, self._udp, self._abstract, self._file):
            each.close()
        self._victim.kill()
        self._signals = self._victim.communicate()[0].split()
        assert self.canary.read_text() == "untouched"
        return self._signals


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path)
    yield host
    host.close()


@pytest.fixture(scope="module", autouse=True)
def secret() -> Iterator[None]:
    """The caller's environment holds a secret before the sandbox opens."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(escape.SECRET_VARIABLE, escape.SECRET_VALUE)
        yield


@pytest.fixture(scope="module")
def guarded(secret: None, strong_sandbox: Sandbox) -> Sandbox:
    strong_sandbox.limits = Limits(seconds=3.0, wall_seconds=9.0)
    return strong_sandbox


def test_no_attempt_to_get_out_succeeds_and_nothing_outside_is_touched(guarded: Sandbox, host: Host) -> None:
    assert unexpected(guarded, escape.programs(host.outside)) == {}
    assert host.touched() == []
    assert host.close() == []


@pytest.mark.skipif(not escape.HAS_FOREIGN_CALLS, reason="this machine has no foreign system calls")
def test_a_system_call_of_another_architecture_ends_the_program(guarded: Sandbox) -> None:
    assert unexpected(guarded, escape.foreign_calls()) == {}


def test_without_walls_the_same_attempts_succeed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "sandbox").mkdir()
    host = Host(tmp_path / "outside")
    with watched(Tier.weak, tmp_path / "sandbox", limits=Limits(3.0, 9.0)) as sandbox:
        wrong = unexpected(sandbox, escape.programs(host.outside, escape.HARMLESS))
        assert wrong.keys() == set(escape.HARMLESS)
    assert {"the canary", "TCP", "abstract", "socket file"} <= set(host.touched())
    assert host.close() != []
