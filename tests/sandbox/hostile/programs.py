"""Hostile programs: a source, its tests, and the correct verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from codeprimer.sandbox import Program, Sandbox, Tier, VerdictKind

GOOD = Program("def double(x):\n    return 2 * x", ("assert double(2) == 4", "assert double(0) == 0"))

SECRET = ('assert answer([3, 1, 2]) == "secret-5d1f6a"',)
"""Tests whose expected value no program knows."""


@dataclass(frozen=True)
class Hostile:
    """A program to judge, and the acceptable kinds of verdict."""

    name: str
    program: Program
    expected: frozenset[VerdictKind]


def hostile(
    expected: str,
    sources: Mapping[str, str],
    tests: tuple[str, ...] = SECRET,
    *,
    preamble: str = "",
    together: bool = False,
) -> list[Hostile]:
    """Return programs with the same tests; ``expected`` lists acceptable kinds of verdict."""
    kinds = frozenset(VerdictKind(word) for word in expected.split())
    return [
        Hostile(name, Program(preamble + source, tests, together=together), kinds) for name, source in sources.items()
    ]


def unexpected(sandbox: Sandbox, programs: Iterable[Hostile]) -> dict[str, str]:
    """Run the programs, a good one after each; return the wrong verdicts by program."""
    programs = list(programs)
    verdicts = list(sandbox.run(program for each in programs for program in (each.program, GOOD)))
    assert len(verdicts) == 2 * len(programs)
    wrong = {}
    for each, verdict, after in zip(programs, verdicts[::2], verdicts[1::2], strict=True):
        if verdict.kind not in each.expected:
            wrong[each.name] = f"{verdict.kind}: {verdict.detail}"
        elif verdict.tier is not sandbox.tier and verdict.tier is not Tier.none:
            wrong[each.name] = f"judged in the tier {verdict.tier.name}"
        if not after.passed:
            wrong[f"good program after {each.name}"] = f"{after.kind}: {after.detail}"
    return wrong
