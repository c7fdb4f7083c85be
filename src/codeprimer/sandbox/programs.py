"""What goes into the sandbox and what comes out: programs, limits, verdicts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum


@dataclass(frozen=True)
class Program:
    """A program to judge."""

    source: str
    tests: tuple[str, ...] = ()
    """Statements that run after the source, in the same namespace, in order."""


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


class VerdictKind(StrEnum):
    """What became of a program; a closed set."""

    passed = "passed"
    failed = "failed"  # an assert did not hold
    raised = "raised"  # any other exception, SystemExit included
    timed_out = "timed_out"
    out_of_memory = "out_of_memory"
    killed = "killed"  # the process ended without a verdict: a signal, a crash, os._exit
    refused = "refused"  # not run at all


@dataclass(frozen=True)
class Verdict:
    """The outcome of one program."""

    kind: VerdictKind
    detail: str = ""
    """Which assert or which exception, shortened; empty for a pass."""

    @property
    def passed(self) -> bool:
        """Whether every test ran and held."""
        return self.kind is VerdictKind.passed


def encode_request(program: Program, limits: Limits) -> bytes:
    """Return the line that asks a zygote to judge ``program``."""
    facts = {"source": program.source, "tests": list(program.tests), "limits": asdict(limits)}
    return json.dumps(facts).encode() + b"\n"


def decode_verdict(line: bytes) -> Verdict:
    """Return the verdict in a zygote's line."""
    kind, detail = json.loads(line)
    return Verdict(VerdictKind(kind), detail.encode("utf-8", "replace").decode())
