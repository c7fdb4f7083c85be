"""The caller's side of the sandbox: a pool of workers that returns verdicts in the order of the programs."""

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
from codeprimer.sandbox.worker import Request, Worker

QUEUE_LENGTH = 6
"""Maximum number of programs queued for one zygote."""

IN_FLIGHT = 64
"""Maximum number of programs per worker that are running or waiting for an earlier verdict; this bounds memory use."""


def _ready(workers: Iterable[Worker], seconds: float) -> set[int]:
    """Wait until a socket is ready, and return the ready descriptors; select(2) would support only low-numbered ones."""
    poll = select.poll()
    for worker in workers:
        for stream in worker.readable:
            poll.register(stream, select.POLLIN)
        for stream in worker.writable:
            reads = select.POLLIN if stream in worker.readable else 0
            poll.register(stream, select.POLLOUT | reads)
    return {descriptor for descriptor, _ in poll.poll(seconds * 1000)}


class Sandbox:
    """Judges programs in ``workers`` jails (None: one per core); use as a context manager, or call ``close``.

    If ``tier`` is given, only that tier is opened; otherwise the strongest available one, but none below ``minimum``.
    With ``trust_tests``, different problems share a judge, which takes 40 % less time; use it only for known tests, because
    tests that tamper with their judge can affect later ones. Not thread-safe.
    """

    def __init__(
        self,
        limits: Limits = DEFAULT_LIMITS,
        workers: int | None = None,
        tier: Tier | None = None,
        minimum: Tier = Tier.confined,
        trust_tests: bool = False,
    ) -> None:
        self.limits = limits
        self.workers = workers or available_cores()
        self._tiers = (minimum, Tier.jailed) if tier is None else (tier, tier)
        self._trust_tests = trust_tests
        self._pool: list[Worker] = []
        self._busy = False
        self._last_poll = time.monotonic()

    @property
    def tier(self) -> Tier:
        """The tier of the jail, which is opened if necessary. Raises JailError if none is available."""
        if not self._pool:
            self._add_worker()
        return self._pool[0].jail.tier

    def run(self, programs: Iterable[Program], limits: Limits | None = None) -> Generator[Verdict, None, None]:
        """Yield a verdict for every program, in order; programs are consumed lazily.

        Consecutive programs with the same tests share a judge, which saves time. ``limits`` replaces the sandbox's own
        limits for this call. Raises JailError if no jail of the required tier is available.
        """
        assert not self._busy, "one call of run at a time"
        self._busy = True
        try:
            yield from self._run(iter(programs), limits or self.limits)
        except JailError:
            self.close()  # a later call must not use a jail that could not be replaced
            raise
        finally:
            self._busy = False
            self._complete()
            if any(worker.waiting for worker in self._pool):
                self.close()

    def _run(self, programs: Iterator[Program], limits: Limits) -> Iterator[Verdict]:
        requests: deque[Request] = deque()
        more = True
        while more or requests:
            while more and len(requests) < IN_FLIGHT * self.workers and self._has_room():
                program = next(programs, None)
                self._exclude_pause()
                if program is None:
                    more = False
                else:
                    requests.append(self._submit(program, limits))
            if not more:
                self._complete()
            if requests and requests[0].verdict is None:
                self._receive()
            while requests and (verdict := requests[0].verdict) is not None:
                requests.popleft()
                yield verdict
                self._exclude_pause()

    def _complete(self) -> None:
        """Tell every judge that no more programs follow."""
        for worker in self._pool:
            worker.complete()

    def _exclude_pause(self) -> None:
        """Exclude the caller's own time from every worker's deadline: no verdicts were read in the meantime."""
        now = time.monotonic()
        for worker in self._pool:
            worker.exclude_pause(now - self._last_poll)
        self._last_poll = now

    def _has_room(self) -> bool:
        return len(self._pool) < self.workers or any(worker.waiting < QUEUE_LENGTH for worker in self._pool)

    def _submit(self, program: Program, limits: Limits) -> Request:
        """Send the program to a worker whose judge has its tests, or to the least busy worker; refuse overlong programs."""
        request = Request(program, limits)
        texts = (program.source, program.setup, *program.tests)
        if sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) > limits.program_bytes:
            detail = f"the program is longer than {limits.program_bytes:,} bytes"
            request.verdict = Verdict(VerdictKind.refused, detail)
            return request
        if len(self._pool) < self.workers and all(worker.waiting for worker in self._pool):
            self._add_worker()
        ready = [worker for worker in self._pool if worker.waiting < QUEUE_LENGTH and worker.accepts(request)]
        min(ready or self._pool, key=lambda worker: worker.waiting).send(request)
        return request

    def _add_worker(self) -> None:
        """Open a jail.

        If the workers fill all cores, each is pinned to one core: a judge and its candidates wake each other constantly,
        which takes several times as long across cores.
        """
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        core = cores[len(self._pool) % len(cores)] if cores and self.workers >= len(cores) else None
        self._pool.append(Worker(self._tiers, self._trust_tests, core))

    def _receive(self) -> None:
        """Wait for verdicts, or until a request has timed out."""
        busy = [worker for worker in self._pool if worker.waiting]
        ready = _ready(busy, max(0.0, min(worker.seconds_left() for worker in busy)))
        for worker in busy:
            streams = [stream for stream in worker.readable if stream.fileno() in ready]
            if streams:
                worker.receive(streams)
            worker.flush()
            if worker.waiting and not streams and worker.seconds_left() <= 0:
                worker.time_out()
        self._last_poll = time.monotonic()

    def close(self) -> None:
        """End all processes in the sandbox; a later ``run`` starts new ones."""
        for worker in self._pool:
            worker.end()
        self._pool = []

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
