"""The sandbox's inputs and outputs: programs, limits, tiers, verdicts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum


@dataclass(frozen=True)
class Program:
    """A program to judge."""

    source: str
    tests: tuple[str, ...] = ()
    """Statements, executed in order. Names that they use but do not define belong to the source, which runs in
    a different process."""
    setup: str = ""
    """Trusted definitions for the tests, such as a helper from the problem's prompt."""
    entry_point: str = ""
    """The requested function's name; needed only if a built-in has the same name."""
    together: bool = False
    """Whether source and tests share one process, because the tests need the source's classes; the verdict
    is then marked, because it could be forged."""

    @property
    def problem(self) -> tuple[object, ...]:
        """The judge's key: programs with equal keys can share a judge."""
        return self.tests, self.setup, self.entry_point, self.runs_together

    @property
    def runs_together(self) -> bool:
        """Whether source and tests share one process; a program without tests is only executed."""
        return self.together or not self.tests


@dataclass(frozen=True)
class Limits:
    """Resource limits of one program."""

    seconds: float = 3.0
    """CPU time [s]; independent of the machine's load."""
    wall_seconds: float = 12.0
    """Wall-clock time [s], for programs that wait instead of computing."""
    memory_bytes: int = 512 * 2**20
    """Address space [bytes]."""
    open_files: int = 32
    program_bytes: int = 2**20
    """Programs longer than this are refused [bytes]."""

    def times(self, factor: float) -> Limits:
        """Return the same limits with the time limits multiplied by ``factor``."""
        return replace(self, seconds=self.seconds * factor, wall_seconds=self.wall_seconds * factor)


DEFAULT_LIMITS = Limits()


class Tier(IntEnum):
    """How much a jail prevents; each tier includes the protection of the tiers below it."""

    none = 0
    """No wall was shown to hold; no program is ever run in this tier."""
    weak = 1
    """Separate judge and candidate, and kernel limits: enough against faulty programs, not against hostile ones."""
    confined = 2
    """In addition, programs cannot write files, can read only a few, and cannot reach other processes or the network
    (seccomp, and Landlock or namespaces)."""
    jailed = 3
    """In addition, separate namespaces for users, processes, mounts and networks."""


class VerdictKind(StrEnum):
    """The outcome of judging a program; a closed set."""

    passed = "passed"
    failed = "failed"  # an assert did not hold
    raised = "raised"  # any other exception, including SystemExit
    timed_out = "timed_out"
    out_of_memory = "out_of_memory"
    killed = "killed"  # the process ended without an answer: the jail, a signal, a crash, os._exit
    refused = "refused"  # not run, or its answer cannot be trusted
    never_called = "never_called"  # the tests passed, but never called the program


@dataclass(frozen=True)
class Verdict:
    """The result of judging one program."""

    kind: VerdictKind
    detail: str = ""
    """The failed assert with the actual and the expected value, or the exception, shortened; empty if the program passed."""
    tier: Tier = Tier.none
    """The tier of the jail that ran the program; ``none`` if it was not run."""
    together: bool = False
    """Whether program and tests shared a process, so that a hostile program could have forged this verdict."""

    @property
    def passed(self) -> bool:
        """Whether every test ran and passed."""
        return self.kind is VerdictKind.passed
