"""One jail and the queue of programs in front of it.

Sends programs and their tests, and receives verdicts. If a judge, a zygote or a jail ends, every program that has been
sent still gets a verdict: either from a later judge, or one that says what happened to the program.
"""

from __future__ import annotations

import json
import socket
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field

from codeprimer.core.console import without_controls
from codeprimer.sandbox.inside.frames import LENGTH_BYTES, framed
from codeprimer.sandbox.inside.judge import PROBLEM, SOURCE
from codeprimer.sandbox.jail import open_jail
from codeprimer.sandbox.programs import DEFAULT_LIMITS, Limits, Program, Tier, Verdict, VerdictKind

PROGRAMS_PER_JUDGE = 32
"""A judge is replaced after this many programs, so that other workers can take over part of a long series."""

ATTEMPTS = 2
"""How many times a program is run if its jail or judge ends before the verdict for no known reason."""

GRACE_SECONDS = 10.0
"""A zygote that is silent for this long after a program's own limit is abandoned [s]."""

PAUSE_SECONDS = 0.5
"""A shorter time between two verdicts is treated as the caller's ordinary work [s]."""

_BLOCK_BYTES = 2**16
_VERDICT_BYTES = 2**20


@dataclass
class Request:
    """A program to judge and its verdict, once there is one."""

    program: Program
    limits: Limits
    verdict: Verdict | None = None
    attempts: int = 0


@dataclass
class Batch:
    """The requests that one judge works on, in order."""

    channel: socket.socket
    limits: Limits
    problem: tuple[object, ...] = ()
    """The latest request's problem."""
    requests: deque[Request] = field(default_factory=deque)
    sent: int = 0
    outgoing: bytearray = field(default_factory=bytearray)
    incoming: bytearray = field(default_factory=bytearray)
    is_complete: bool = False
    is_shut: bool = False

    def add(self, request: Request) -> None:
        """Append a request, preceded by its tests if they differ from the previous request's."""
        if self.problem != request.program.problem:
            self.problem = request.program.problem
            self.outgoing += framed(PROBLEM + _tests_of(request.program))
        self.requests.append(request)
        self.sent += 1
        self.outgoing += framed(SOURCE + request.program.source.encode("utf-8", "surrogatepass"))

    def flush(self) -> None:
        """Write as much as the socket accepts; a busy judge reads the remaining bytes later."""
        try:
            while self.outgoing:
                del self.outgoing[: self.channel.send(self.outgoing[:_BLOCK_BYTES])]
            if self.is_complete and not self.is_shut:
                self.channel.shutdown(socket.SHUT_WR)
                self.is_shut = True
        except BlockingIOError:
            return
        except OSError:
            # The judge has ended. Its last verdicts are read first, then the reason that the zygote gives.
            self.outgoing.clear()
            self.is_shut = True


def _tests_of(program: Program) -> bytes:
    facts = {
        "tests": program.tests,
        "setup": program.setup,
        "entry_point": program.entry_point,
        "together": program.runs_together,
    }
    return json.dumps(facts).encode()


class Worker:
    """One jail and the queue of programs in front of it."""

    def __init__(self, tiers: tuple[Tier, Tier], trust_tests: bool, core: int | None) -> None:
        self._tiers = tiers
        self._core = core
        self._trust_tests = trust_tests
        self._batches: deque[Batch] = deque()
        self._since = 0.0
        self._encoded_limits: tuple[Limits | None, bytes] = (None, b"")
        self.jail = open_jail(*tiers, core)

    @property
    def waiting(self) -> int:
        """The number of requests without a verdict."""
        return sum(len(batch.requests) for batch in self._batches)

    @property
    def readable(self) -> list[socket.socket]:
        """The sockets on which verdicts arrive, and on which the zygote reports that a judge has ended."""
        return [self.jail.socket, self._batches[0].channel] if self._batches else []

    @property
    def writable(self) -> list[socket.socket]:
        """The sockets with bytes still to write."""
        return [batch.channel for batch in self._batches if batch.outgoing]

    def accepts(self, request: Request) -> bool:
        """Return whether the last judge can take this request too."""
        batch = self._batches[-1] if self._batches else None
        return (
            batch is not None
            and not batch.is_complete
            and batch.sent < PROGRAMS_PER_JUDGE
            and batch.limits == request.limits
            and (self._trust_tests or batch.problem == request.program.problem)
        )

    def send(self, request: Request) -> None:
        """Send a request to the last judge if it accepts it, else to a new one."""
        if not self.waiting:
            self._since = time.monotonic()
        if not self.accepts(request):
            self.complete()
            self._batches.append(self._start_batch(request.limits))
        self._batches[-1].add(request)
        self.flush()

    def complete(self) -> None:
        """Tell the last judge that no more programs follow."""
        if self._batches and not self._batches[-1].is_complete:
            self._batches[-1].is_complete = True
            self._batches[-1].flush()

    def _start_batch(self, limits: Limits) -> Batch:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs, suppress(OSError):  # ``receive`` notices a zygote that has ended
            socket.send_fds(self.jail.socket, [self._encoded(limits)], [theirs.fileno()])
        return Batch(ours, limits)

    def _encoded(self, limits: Limits) -> bytes:
        if limits != self._encoded_limits[0]:
            self._encoded_limits = limits, json.dumps(asdict(limits.times(self.jail.time_factor))).encode()
        return self._encoded_limits[1]

    def flush(self) -> None:
        """Write as much to every judge as it accepts."""
        for batch in self._batches:
            batch.flush()

    def seconds_left(self) -> float:
        """Return how long the first request may still take [s]."""
        requests = next((batch.requests for batch in self._batches if batch.requests), None)
        limits = requests[0].limits if requests else DEFAULT_LIMITS
        return self._since + limits.wall_seconds * self.jail.time_factor + GRACE_SECONDS - time.monotonic()

    def exclude_pause(self, seconds: float) -> None:
        """Extend the first request's deadline by a pause [s] that the caller took."""
        if seconds > PAUSE_SECONDS:
            self._since += seconds

    def receive(self, ready: list[socket.socket]) -> None:
        """Read verdicts from the first judge, or handle its end."""
        batch = self._batches[0]
        if batch.channel in ready:
            self._read(batch)
        if self.jail.socket in ready and self._batches and self._batches[0] is batch:
            self._handle_judge_end(batch)

    def _read(self, batch: Batch) -> None:
        try:
            block = batch.channel.recv(_BLOCK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            block = b""
        if not block:
            self._handle_judge_end(batch)
            return
        batch.incoming += block
        if not self._settle_complete(batch):
            self._replace_forging_judge(batch)

    def _replace_forging_judge(self, batch: Batch) -> None:
        """Replace a judge whose tests have written to its channel."""
        if batch.requests:
            self._settle(batch, VerdictKind.refused, "its tests have written to their own judge's channel")
        self._replace_jail(is_explained=True)

    def _settle_complete(self, batch: Batch) -> bool:
        """Settle the verdicts that have arrived in full; return False if one is malformed, since tests can write anything."""
        while len(batch.incoming) >= LENGTH_BYTES:
            length = int.from_bytes(batch.incoming[:LENGTH_BYTES], "big")
            if length > _VERDICT_BYTES:
                return False
            end = LENGTH_BYTES + length
            if len(batch.incoming) < end:
                return True
            try:
                kind, detail = json.loads(batch.incoming[LENGTH_BYTES:end])
                verdict = VerdictKind(kind)
            except (ValueError, TypeError, RecursionError):
                return False
            if not batch.requests or not isinstance(detail, str):
                return False
            del batch.incoming[:end]
            self._settle(batch, verdict, detail)
        return True

    def _settle(self, batch: Batch, kind: VerdictKind, detail: str) -> None:
        request = batch.requests.popleft()
        request.verdict = self._verdict(request, kind, detail)
        self._since = time.monotonic()

    def _verdict(self, request: Request, kind: VerdictKind, detail: str) -> Verdict:
        return Verdict(kind, without_controls(detail, ""), self.jail.tier, request.program.runs_together)

    def _handle_judge_end(self, batch: Batch) -> None:
        """Read the last verdicts and why the judge ended; requests without a verdict go to a new judge."""
        if not self._drain(batch):
            self._replace_forging_judge(batch)
            return
        self.jail.socket.settimeout(GRACE_SECONDS)
        try:
            content = self.jail.socket.recv(_VERDICT_BYTES)
        except OSError:
            content = b""  # the zygote has ended, or a program has stopped it
        if not content:
            self._replace_jail()
            return
        reason = json.loads(content)
        self._batches.popleft().channel.close()
        if reason and batch.requests:
            self._settle(batch, VerdictKind(reason), "in its tests, outside the program")
        if not reason and batch.requests:
            # The judge exited as if it had nothing left to do: tests can cause that, and would do so repeatedly.
            batch.requests[0].attempts += 1
            if batch.requests[0].attempts >= ATTEMPTS:
                self._settle(batch, VerdictKind.refused, "its tests have ended their own process")
        self._send_again(batch.requests)

    def _drain(self, batch: Batch) -> bool:
        batch.channel.settimeout(GRACE_SECONDS)
        try:
            while block := batch.channel.recv(_BLOCK_BYTES):
                batch.incoming += block
                if not self._settle_complete(batch):
                    return False
        except OSError:
            pass
        return self._settle_complete(batch)

    def _send_again(self, requests: Iterable[Request]) -> None:
        """Send an ended judge's requests to a new judge, after the requests that are already waiting."""
        for request in requests:
            self.send(request)

    def time_out(self) -> None:
        """Replace a zygote that does not respond; its program has timed out."""
        batch = next(batch for batch in self._batches if batch.requests)
        self._settle(batch, VerdictKind.timed_out, "")
        self._replace_jail(is_explained=True)

    def _replace_jail(self, is_explained: bool = False) -> None:
        """Open a new jail; a program whose jail ends repeatedly for no known reason gets a verdict."""
        waiting = deque(request for batch in self._batches for request in batch.requests)
        if waiting and not is_explained:
            waiting[0].attempts += 1
            if waiting[0].attempts >= ATTEMPTS:
                words = self.jail.last_words()
                detail = f"the jail ended while the program ran in it{f': {words}' if words else ''}"
                request = waiting.popleft()
                request.verdict = self._verdict(request, VerdictKind.killed, detail)
        self.end()
        self.jail = open_jail(*self._tiers, self._core)
        self._encoded_limits = (None, b"")
        self._send_again(waiting)

    def end(self) -> None:
        """End the jail and everything that it runs."""
        for batch in self._batches:
            batch.channel.close()
        self._batches.clear()
        self.jail.close()
