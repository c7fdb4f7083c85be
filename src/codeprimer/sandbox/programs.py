"""What goes into the sandbox and what comes out: programs, limits, tiers, verdicts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import IntEnum, StrEnum


@dataclass(frozen=True)
class Program:
    """A program to judge."""

    source: str
    tests: tuple[str, ...] = ()
    """Statements that are executed in order. The names that they use and do not define are functions of the source,
    which runs elsewhere."""
    setup: str = ""
    """Trusted definitions that the tests use, such as a helper that the task itself gives."""
    entry_point: str = ""
    """The function that is asked for; only needed where it bears the name of a built-in one."""
    together: bool = False
    """Whether source and tests share one process, because the tests need its classes: weaker, and marked so."""

    @property
    def problem(self) -> tuple[object, ...]:
        """What programs must have in common to meet the same judge."""
        return self.tests, self.setup, self.entry_point, self.runs_together

    @property
    def runs_together(self) -> bool:
        """Whether source and tests share one process; a program without tests is only executed."""
        return self.together or not self.tests


@dataclass(frozen=True)
class Limits:
    """What one program may use."""

    seconds: float = 3.0
    """Processor time [s]; it does not depend on what else the machine does."""
    wall_seconds: float = 12.0
    """Time on the clock [s], for programs that wait instead of computing."""
    memory_bytes: int = 512 * 2**20
    """Address space [bytes]."""
    open_files: int = 32
    program_bytes: int = 2**20
    """A longer program is refused [bytes]."""

    def times(self, factor: float) -> Limits:
        """Return the same limits with ``factor`` times the time."""
        facts = asdict(self)
        return Limits(**facts | {"seconds": self.seconds * factor, "wall_seconds": self.wall_seconds * factor})


DEFAULT_LIMITS = Limits()


class Tier(IntEnum):
    """How much a jail prevents; each tier includes those below."""

    none = 0
    """Nothing was shown to hold; no program is ever run."""
    weak = 1
    """Judge and candidate apart, and the kernel's limits: enough for programs that err, not for such that attack."""
    confined = 2
    """Besides, no file is written, few are read, and no process or network is reached (Landlock or a world of its own,
    and seccomp)."""
    jailed = 3
    """Besides, a world of its own: namespaces of users, processes, files and networks."""


class VerdictKind(StrEnum):
    """What became of a program; a closed set."""

    passed = "passed"
    failed = "failed"  # an assert did not hold
    raised = "raised"  # any other exception, SystemExit included
    timed_out = "timed_out"
    out_of_memory = "out_of_memory"
    killed = "killed"  # the process ended without an answer: the jail, a signal, a crash, os._exit
    refused = "refused"  # not run, or its answer cannot be believed
    never_called = "never_called"  # the tests hold, but they never asked the program


@dataclass(frozen=True)
class Verdict:
    """The outcome of one program."""

    kind: VerdictKind
    detail: str = ""
    """Which assert, what was expected and what came, or which exception, shortened; empty for a pass."""
    tier: Tier = Tier.none
    """What the jail was that the program ran in; ``none`` where it was not run."""
    together: bool = False
    """Whether program and tests shared a process, so that a hostile program could have forged this."""

    @property
    def passed(self) -> bool:
        """Whether every test ran and held."""
        return self.kind is VerdictKind.passed
