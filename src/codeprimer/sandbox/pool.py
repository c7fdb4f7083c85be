"""The callers' side of the sandbox: jails, kept busy, and verdicts in the order of the programs."""

from __future__ import annotations

import os
import select
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from types import TracebackType

from codeprimer.core.stage import available_cores
from codeprimer.sandbox.jail import JailError
from codeprimer.sandbox.programs import DEFAULT_LIMITS, Limits, Program, Tier, Verdict, VerdictKind
from codeprimer.sandbox.worker import Slot, Worker

DEPTH = 6
"""Programs that wait in front of one zygote."""

WINDOW = 64
"""Programs per worker that may be under way or wait for an earlier verdict; this bounds memory."""


def _ready(workers: Iterable[Worker], seconds: float) -> set[int]:
    """Wait until something can be read or written, and return the descriptors [select(2) knows only low ones]."""
    poll = select.poll()
    for worker in workers:
        for stream in worker.readable:
            poll.register(stream, select.POLLIN)
        for stream in worker.writable:
            reads = select.POLLIN if stream in worker.readable else 0
            poll.register(stream, select.POLLOUT | reads)
    return {descriptor for descriptor, _ in poll.poll(seconds * 1000)}


class Sandbox:
    """Judge programs in ``workers`` jails; use as a context manager, or call ``close``.

    ``required`` is the weakest tier that is accepted, ``most`` the strongest that is tried. With ``trust_tests`` other
    problems share a judge too, which is for tests that one knows: 40 % less cost, but tests that tamper with
    their judge reach the next ones. Not for use by several threads at once.
    """

    def __init__(
        self,
        limits: Limits = DEFAULT_LIMITS,
        workers: int | None = None,
        required: Tier = Tier.confined,
        most: Tier = Tier.jailed,
        trust_tests: bool = False,
    ) -> None:
        self.limits = limits
        self.workers = workers or available_cores()
        self._tiers = (required, most)
        self._trust_tests = trust_tests
        self._pool: list[Worker] = []
        self._busy = False
        self._looked = time.monotonic()

    @property
    def tier(self) -> Tier:
        """The tier of the jail, which is opened if need be. Raises JailError where there is none."""
        if not self._pool:
            self._add_worker()
        return self._pool[0].jail.tier

    def run(self, programs: Iterable[Program], limits: Limits | None = None) -> Generator[Verdict, None, None]:
        """Yield a verdict for every program, in the order of the programs, which are taken only as they are needed.

        Neighbours that share their tests share a judge, which is cheaper. ``limits`` replaces the sandbox's own for
        this call. Raises JailError where no jail of the required tier can be had.
        """
        assert not self._busy, "one call of run at a time"
        self._busy = True
        try:
            yield from self._run(iter(programs), limits or self.limits)
        except JailError:
            self.close()  # a jail that could not be replaced is no part of a later call
            raise
        finally:
            self._busy = False
            self._complete()
            if any(worker.waiting for worker in self._pool):
                self.close()

    def _run(self, programs: Iterator[Program], limits: Limits) -> Iterator[Verdict]:
        slots: deque[Slot] = deque()
        more = True
        while more or slots:
            while more and len(slots) < WINDOW * self.workers and self._has_room():
                program = next(programs, None)
                self._forgive_pause()
                if program is None:
                    more = False
                else:
                    slots.append(self._place(program, limits))
            if not more:
                self._complete()
            if slots and slots[0].verdict is None:
                self._receive()
            while slots and (verdict := slots[0].verdict) is not None:
                slots.popleft()
                yield verdict
                self._forgive_pause()

    def _complete(self) -> None:
        """Say that no judge gets more programs."""
        for worker in self._pool:
            worker.complete()

    def _forgive_pause(self) -> None:
        """Leave out of every worker's time what the caller took over a verdict; nobody was listening meanwhile."""
        now = time.monotonic()
        for worker in self._pool:
            worker.forgive(now - self._looked)
        self._looked = now

    def _has_room(self) -> bool:
        return len(self._pool) < self.workers or any(worker.waiting < DEPTH for worker in self._pool)

    def _place(self, program: Program, limits: Limits) -> Slot:
        """Hand the program to a worker that has its judge, or to the least busy one; refuse one that is too long."""
        slot = Slot(program, limits)
        texts = (program.source, program.setup, *program.tests)
        if sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) > limits.program_bytes:
            detail = f"the program is longer than {limits.program_bytes:,} bytes"
            slot.verdict = Verdict(VerdictKind.refused, detail)
            return slot
        if len(self._pool) < self.workers and all(worker.waiting for worker in self._pool):
            self._add_worker()
        ready = [worker for worker in self._pool if worker.waiting < DEPTH and worker.accepts(slot)]
        min(ready or self._pool, key=lambda worker: worker.waiting).send(slot)
        return slot

    def _add_worker(self) -> None:
        """Open a jail.

        Where the workers fill all cores anyway, each stays on one: a judge and its candidates wake each other up all
        the time, which costs several times as much from one core to another.
        """
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        core = cores[len(self._pool) % len(cores)] if cores and self.workers >= len(cores) else None
        self._pool.append(Worker(*self._tiers, self._trust_tests, core))

    def _receive(self) -> None:
        """Wait for verdicts, or until a zygote has used up its patience."""
        busy = [worker for worker in self._pool if worker.waiting]
        patience = max(0.0, min(worker.patience() for worker in busy))
        ready = _ready(busy, patience)
        for worker in busy:
            streams = [stream for stream in worker.readable if stream.fileno() in ready]
            if streams:
                worker.receive(streams)
            worker.flush()
            if worker.waiting and not streams and worker.patience() <= 0:
                worker.give_up()
        self._looked = time.monotonic()

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
