"""The callers' side of the sandbox: zygotes, kept busy, and verdicts in the order of the programs."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from codeprimer.core.errors import UserError
from codeprimer.core.stage import available_cores
from codeprimer.sandbox.programs import (
    DEFAULT_LIMITS,
    Limits,
    Program,
    Verdict,
    VerdictKind,
    decode_verdict,
    encode_request,
)

ZYGOTE = Path(__file__).with_name("zygote.py")

DEPTH = 4
"""Programs that wait in front of one zygote; their verdicts must fit the pipe's buffer."""

WINDOW = 64
"""Programs per worker that may be under way or wait for an earlier verdict; this bounds memory."""

_PIPE_BYTES = 2**16
"""Written at a time [bytes]; pipes hold as much on Linux."""

GRACE_SECONDS = 5.0
"""How much later than a program's own limit its zygote is given up [s]."""


@dataclass
class _Slot:
    """One program's place in the order of verdicts."""

    request: bytes
    limits: Limits
    verdict: Verdict | None = None


class _Worker:
    """One zygote and the programs that wait in front of it."""

    def __init__(self) -> None:
        self.queue: deque[_Slot] = deque()
        self._outgoing = bytearray()
        self._content = b""
        self._since = 0.0
        self._start()

    def _start(self) -> None:
        self.home = tempfile.mkdtemp(prefix="codeprimer-sandbox-")
        # Not -I: it would ignore the hash seed, and with it verdicts would depend on the order of sets.
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-s", "-S", "-X", "utf8", str(ZYGOTE), self.home],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.home,
            env={"PYTHONHASHSEED": "0"},
            start_new_session=True,
            bufsize=0,
        )
        assert self.process.stdin is not None
        os.set_blocking(self.process.stdin.fileno(), False)
        self._outgoing.clear()
        self._content = b""
        self._ready = False

    def wait_until_ready(self) -> None:
        """Wait for the zygote's first word. Raises UserError where processes cannot be started."""
        if self._ready:
            return
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        if self.process.stdout.read(len(b"ready\n")) != b"ready\n":
            reason = self.process.stderr.read().decode(errors="replace").strip().rpartition("\n")[2]
            self.end()
            raise UserError(f"the sandbox cannot start {sys.executable}: {reason or 'it ended at once'}")
        self.process.stderr.close()
        self._ready = True

    @property
    def descriptor(self) -> int:
        """The file descriptor on which verdicts arrive."""
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def send(self, slot: _Slot) -> None:
        """Put a program behind those that wait."""
        self.wait_until_ready()
        if not self.queue:
            self._since = time.monotonic()
        self.queue.append(slot)
        self._outgoing += slot.request
        self.flush()

    @property
    def input(self) -> int | None:
        """The file descriptor on which requests leave, where some wait for room in the pipe."""
        assert self.process.stdin is not None
        return self.process.stdin.fileno() if self._outgoing else None

    def flush(self) -> None:
        """Write as much as the pipe takes; a zygote that is busy reads the rest later."""
        assert self.process.stdin is not None
        try:
            while self._outgoing:
                del self._outgoing[: os.write(self.process.stdin.fileno(), self._outgoing[:_PIPE_BYTES])]
        except BlockingIOError:
            return
        except BrokenPipeError:
            # It has died; what it has judged before is read first, then ``receive`` finds the end.
            self._outgoing.clear()

    def patience(self) -> float:
        """Return how long the first program may still take [s]."""
        return self._since + self.queue[0].limits.wall_seconds + GRACE_SECONDS - time.monotonic()

    def receive(self) -> None:
        """Take what the zygote has written; where it has died, start another one."""
        block = os.read(self.descriptor, 2**16)
        if not block:
            self._replace("the program killed the process that judges it")
            return
        *lines, self._content = (self._content + block).split(b"\n")
        for line in lines:
            self._settle(decode_verdict(line))

    def give_up(self) -> None:
        """Replace a zygote that does not answer."""
        self.process.kill()
        self._settle(Verdict(VerdictKind.timed_out))
        self._replace("")

    def _settle(self, verdict: Verdict) -> None:
        self.queue.popleft().verdict = verdict
        self._since = time.monotonic()

    def _replace(self, blame: str) -> None:
        """Start a new zygote; ``blame``, where given, is the first waiting program's verdict."""
        self.end()
        if blame:
            self._settle(Verdict(VerdictKind.killed, blame))
        waiting, self.queue = self.queue, deque()
        self._start()
        for slot in waiting:
            self.send(slot)

    def end(self) -> None:
        """End the zygote and whatever it runs."""
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        try:
            # It sees the closed pipe, kills what it runs and leaves.
            self.process.wait(2.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)


class Sandbox:
    """Judge programs in ``workers`` processes; use as a context manager, or call ``close``.

    Not for use by several threads at once.
    """

    def __init__(self, limits: Limits = DEFAULT_LIMITS, workers: int | None = None) -> None:
        self.limits = limits
        self.workers = workers or available_cores()
        self._pool: list[_Worker] = []
        self._busy = False

    def run(self, programs: Iterable[Program], limits: Limits | None = None) -> Generator[Verdict, None, None]:
        """Yield a verdict for every program, in the order of the programs, which are taken only as they are needed.

        ``limits`` replaces the sandbox's own for this call. Raises UserError where processes cannot be started.
        """
        assert not self._busy, "one call of run at a time"
        self._busy = True
        try:
            yield from self._run(iter(programs), limits or self.limits)
        finally:
            self._busy = False
            if any(worker.queue for worker in self._pool):
                self.close()

    def _run(self, programs: Iterator[Program], limits: Limits) -> Iterator[Verdict]:
        slots: deque[_Slot] = deque()
        more = True
        while more or slots:
            while more and len(slots) < WINDOW * self.workers and self._has_room():
                program = next(programs, None)
                if program is None:
                    more = False
                else:
                    slots.append(self._place(program, limits))
            if slots and slots[0].verdict is None:
                self._receive()
            while slots and (verdict := slots[0].verdict) is not None:
                slots.popleft()
                yield verdict

    def _has_room(self) -> bool:
        return len(self._pool) < self.workers or any(len(worker.queue) < DEPTH for worker in self._pool)

    def _place(self, program: Program, limits: Limits) -> _Slot:
        """Hand the program to the worker with the shortest queue; refuse one that is too long."""
        slot = _Slot(encode_request(program, limits), limits)
        if len(slot.request) > limits.program_bytes:
            detail = f"the program is longer than {limits.program_bytes:,} bytes"
            slot.verdict = Verdict(VerdictKind.refused, detail)
            return slot
        if len(self._pool) < self.workers and all(worker.queue for worker in self._pool):
            self._pool.append(_Worker())
        min(self._pool, key=lambda worker: len(worker.queue)).send(slot)
        return slot

    def _receive(self) -> None:
        """Wait for verdicts, or until a zygote has used up its patience."""
        busy = {worker.descriptor: worker for worker in self._pool if worker.queue}
        inputs = [worker.input for worker in self._pool if worker.input is not None]
        patience = min(worker.patience() for worker in busy.values())
        ready, _, _ = select.select(list(busy), inputs, [], max(0.0, patience))
        for descriptor in ready:
            busy[descriptor].receive()
        for worker in busy.values():
            worker.flush()
            if worker.queue and worker.patience() <= 0:
                worker.give_up()

    def close(self) -> None:
        """End every process of the sandbox; a later ``run`` starts new ones."""
        for worker in self._pool:
            worker.end()
        self._pool = []

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
