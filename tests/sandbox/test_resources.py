"""A program that takes more than it may have is stopped, and takes nothing from the next one."""

from __future__ import annotations

import pytest
from tests.sandbox.hostile import resources
from tests.sandbox.hostile.programs import GOOD, unexpected
from tests.sandbox.watch import SHORT

from codeprimer.sandbox import Program, Sandbox
from codeprimer.sandbox.inside import system


@pytest.fixture(scope="module", autouse=True)
def short_limits(strong_sandbox: Sandbox) -> None:
    strong_sandbox.limits = SHORT


@pytest.mark.parametrize("family", resources.FAMILIES)
def test_a_program_that_takes_too_much_is_stopped(strong_sandbox: Sandbox, family: str) -> None:
    assert unexpected(strong_sandbox, resources.FAMILIES[family]) == {}


@pytest.mark.skipif(system.MACHINE != "x86_64", reason="the program holds machine code of x86_64")
def test_a_program_cannot_have_thousands_of_threads(strong_sandbox: Sandbox) -> None:
    verdict, after = strong_sandbox.run([Program(resources.MANY_THREADS, ("assert answer([]) < 2_000",)), GOOD])
    assert verdict.passed, verdict.detail
    assert after.passed
