"""One jail and the programs that wait in front of it.

Sends programs and their tests, receives verdicts. One idea: whatever ends, a judge, a zygote, a jail, every program
that has been sent gets a verdict: from a later judge, or one that says what became of it.
"""

from __future__ import annotations

import json
import socket
import time
from collections import deque
from dataclasses import asdict, dataclass, field

from codeprimer.core.console import without_controls
from codeprimer.sandbox.inside.frames import LENGTH_BYTES, framed
from codeprimer.sandbox.inside.judge import PROBLEM, SOURCE
from codeprimer.sandbox.jail import open_jail
from codeprimer.sandbox.programs import DEFAULT_LIMITS, Limits, Program, Tier, Verdict, VerdictKind

PROGRAMS_PER_JUDGE = 32
"""A judge is replaced after so many programs, so that other workers can take the rest of a long row."""

ATTEMPTS = 2
"""How often a program is run whose jail ends before its verdict, through no fault that is known."""

GRACE_SECONDS = 10.0
"""How much later than a program's own limit its zygote is given up [s]."""

PAUSE_SECONDS = 0.5
"""A shorter time between two verdicts is the caller's ordinary work [s]."""

_BLOCK_BYTES = 2**16
_VERDICT_BYTES = 2**20


@dataclass
class Slot:
    """One program's place in the order of verdicts."""

    program: Program
    limits: Limits
    verdict: Verdict | None = None
    attempts: int = 0


@dataclass
class Group:
    """Programs for one judge, on their way."""

    channel: socket.socket
    limits: Limits
    problem: tuple[object, ...] = ()
    """What the last program has in common with those that follow."""
    slots: deque[Slot] = field(default_factory=deque)
    taken: int = 0
    outgoing: bytearray = field(default_factory=bytearray)
    incoming: bytearray = field(default_factory=bytearray)
    is_complete: bool = False
    is_shut: bool = False

    def add(self, slot: Slot) -> None:
        """Put a program behind those that wait, with its tests where they are other ones."""
        if self.problem != slot.program.problem:
            self.problem = slot.program.problem
            self.outgoing += framed(PROBLEM + _tests_of(slot.program))
        self.slots.append(slot)
        self.taken += 1
        self.outgoing += framed(SOURCE + slot.program.source.encode("utf-8", "surrogatepass"))

    def flush(self) -> None:
        """Write as much as the socket takes; a judge that is busy reads the rest later."""
        try:
            while self.outgoing:
                del self.outgoing[: self.channel.send(self.outgoing[:_BLOCK_BYTES])]
            if self.is_complete and not self.is_shut:
                self.channel.shutdown(socket.SHUT_WR)
                self.is_shut = True
        except BlockingIOError:
            return
        except OSError:
            # The judge has ended; what it has said before is read first, then its zygote tells why.
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
    """One jail and the programs that wait in front of it."""

    def __init__(self, required: Tier, most: Tier, trust_tests: bool, core: int | None) -> None:
        self._tiers = (required, most)
        self._core = core
        self._trust_tests = trust_tests
        self._groups: deque[Group] = deque()
        self._since = 0.0
        self._ordered: tuple[Limits | None, bytes] = (None, b"")
        self.jail = open_jail(required, most, core)

    @property
    def waiting(self) -> int:
        """The number of programs without a verdict."""
        return sum(len(group.slots) for group in self._groups)

    @property
    def readable(self) -> list[socket.socket]:
        """Where verdicts, or the news that a judge has ended, arrive."""
        return [self.jail.socket, self._groups[0].channel] if self._groups else []

    @property
    def writable(self) -> list[socket.socket]:
        """Where programs wait for room."""
        return [group.channel for group in self._groups if group.outgoing]

    def accepts(self, slot: Slot) -> bool:
        """Whether the last judge can take this program too."""
        group = self._groups[-1] if self._groups else None
        return (
            group is not None
            and not group.is_complete
            and group.taken < PROGRAMS_PER_JUDGE
            and group.limits == slot.limits
            and (self._trust_tests or group.problem == slot.program.problem)
        )

    def send(self, slot: Slot) -> None:
        """Hand over a program, to the last judge where that is right, else to a new one."""
        if not self.waiting:
            self._since = time.monotonic()
        if not self.accepts(slot):
            self.complete()
            self._groups.append(self._order_judge(slot))
        self._groups[-1].add(slot)
        self.flush()

    def complete(self) -> None:
        """Say that the last judge gets no more programs."""
        if self._groups and not self._groups[-1].is_complete:
            self._groups[-1].is_complete = True
            self._groups[-1].flush()

    def _order_judge(self, slot: Slot) -> Group:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        group = Group(ours, slot.limits)
        with theirs:
            try:
                socket.send_fds(self.jail.socket, [self._order(slot.limits)], [theirs.fileno()])
            except OSError:
                group.outgoing.clear()  # the zygote has ended; ``receive`` finds that out
        return group

    def _order(self, limits: Limits) -> bytes:
        if limits != self._ordered[0]:
            self._ordered = limits, json.dumps(asdict(limits.times(self.jail.time_factor))).encode()
        return self._ordered[1]

    def flush(self) -> None:
        """Write to all judges what they take."""
        for group in self._groups:
            group.flush()

    def patience(self) -> float:
        """Return how long the first program may still take [s]."""
        slots = next((group.slots for group in self._groups if group.slots), None)
        limits = slots[0].limits if slots else DEFAULT_LIMITS
        return self._since + limits.wall_seconds * self.jail.time_factor + GRACE_SECONDS - time.monotonic()

    def forgive(self, seconds: float) -> None:
        """Begin the first program's time anew after a pause [s] that is not its own."""
        if seconds > PAUSE_SECONDS:
            self._since += seconds

    def receive(self, ready: list[socket.socket]) -> None:
        """Take what has arrived from the first judge, or the news of its end."""
        group = self._groups[0]
        if group.channel in ready:
            self._read(group)
        if self.jail.socket in ready and self._groups and self._groups[0] is group:
            self._judge_has_ended(group)

    def _read(self, group: Group) -> None:
        try:
            block = group.channel.recv(_BLOCK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            block = b""
        if not block:
            self._judge_has_ended(group)
            return
        group.incoming += block
        if not self._settle_all(group):
            self._refuse_judge(group)

    def _refuse_judge(self, group: Group) -> None:
        """Give up a judge whose tests have written where only it may."""
        if group.slots:
            self._settle(group, VerdictKind.refused, "its tests have written on the channel of their own judge")
        self._replace(is_explained=True)

    def _settle_all(self, group: Group) -> bool:
        """Take the verdicts that have come whole; return False where what has come is none: tests can write anything."""
        while len(group.incoming) >= LENGTH_BYTES:
            length = int.from_bytes(group.incoming[:LENGTH_BYTES], "big")
            if length > _VERDICT_BYTES:
                return False
            end = LENGTH_BYTES + length
            if len(group.incoming) < end:
                return True
            try:
                kind, detail = json.loads(group.incoming[LENGTH_BYTES:end])
                verdict = VerdictKind(kind)
            except (ValueError, TypeError, RecursionError):
                return False
            if not group.slots or not isinstance(detail, str):
                return False
            del group.incoming[:end]
            self._settle(group, verdict, detail)
        return True

    def _settle(self, group: Group, kind: VerdictKind, detail: str) -> None:
        slot = group.slots.popleft()
        slot.verdict = Verdict(kind, without_controls(detail, ""), self.jail.tier, slot.program.runs_together)
        self._since = time.monotonic()

    def _judge_has_ended(self, group: Group) -> None:
        """Read the last verdicts and the reason; programs without a verdict go to a new judge."""
        if not self._drain(group):
            self._refuse_judge(group)
            return
        self.jail.socket.settimeout(GRACE_SECONDS)
        try:
            content = self.jail.socket.recv(_VERDICT_BYTES)
        except OSError:
            content = b""  # it has ended, or a program has stopped it
        if not content:
            self._replace()
            return
        reason = json.loads(content)
        self._groups.popleft().channel.close()
        if reason and group.slots:
            self._settle(group, VerdictKind(reason), "in its tests, outside the program")
        if not reason and group.slots:
            # It left as if nothing was to be done: tests can make it, and would again and again.
            group.slots[0].attempts += 1
            if group.slots[0].attempts >= ATTEMPTS:
                self._settle(group, VerdictKind.refused, "its tests have ended their own process")
        self._send_again(list(group.slots))

    def _drain(self, group: Group) -> bool:
        group.channel.settimeout(GRACE_SECONDS)
        try:
            while block := group.channel.recv(_BLOCK_BYTES):
                group.incoming += block
                if not self._settle_all(group):
                    return False
        except OSError:
            pass
        return self._settle_all(group)

    def _send_again(self, slots: list[Slot]) -> None:
        """Hand the programs of a judge that has ended to a new one, behind what waits already."""
        for slot in slots:
            self.send(slot)

    def give_up(self) -> None:
        """Replace a zygote that does not answer; its program has run out of time."""
        group = next(group for group in self._groups if group.slots)
        self._settle(group, VerdictKind.timed_out, "")
        self._replace(is_explained=True)

    def _replace(self, is_explained: bool = False) -> None:
        """Open a new jail; a program whose jail ended again and again, for no reason that is known, is given a verdict."""
        waiting = [slot for group in self._groups for slot in group.slots]
        if waiting and not is_explained:
            waiting[0].attempts += 1
            if waiting[0].attempts >= ATTEMPTS:
                words = without_controls(self.jail.last_words(), "")
                detail = f"the jail ended while the program ran in it{f': {words}' if words else ''}"
                waiting[0].verdict = Verdict(
                    VerdictKind.killed, detail, self.jail.tier, waiting[0].program.runs_together
                )
                waiting = waiting[1:]
        self.end()
        self.jail = open_jail(*self._tiers, self._core)
        self._ordered = (None, b"")
        self._send_again(waiting)

    def end(self) -> None:
        """End the jail and whatever it runs."""
        for group in self._groups:
            group.channel.close()
        self._groups.clear()
        self.jail.close()
