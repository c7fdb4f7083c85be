"""Every program ends, without taking others along, and leaves nothing changed for the next."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.sandbox.hostile import liveness
from tests.sandbox.hostile.programs import unexpected
from tests.sandbox.watch import SHORT

from codeprimer.sandbox import Sandbox, Tier


@pytest.fixture(scope="module", autouse=True)
def short_limits(sandbox: Sandbox) -> None:
    """Short limits, because these programs use all their time."""
    sandbox.limits = replace(SHORT, seconds=0.1)


@pytest.mark.parametrize("family", liveness.FAMILIES)
def test_a_program_that_does_not_end_well_is_ended(sandbox: Sandbox, family: str) -> None:
    assert unexpected(sandbox, liveness.FAMILIES[family]) == {}


def test_a_program_cannot_signal_any_other_process(sandbox: Sandbox) -> None:
    if sandbox.tier is Tier.weak:
        return  # it can; nothing else is promised there
    assert unexpected(sandbox, liveness.SIGNALS_OTHERS) == {}
