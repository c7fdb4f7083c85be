"""Programs that do not know the answer never pass, however they go about it."""

from __future__ import annotations

import pytest
from tests.sandbox.hostile import forged
from tests.sandbox.hostile.programs import GOOD, unexpected

from codeprimer.sandbox import Sandbox


@pytest.mark.parametrize("family", forged.FAMILIES)
def test_a_program_that_does_not_know_the_answer_does_not_pass(sandbox: Sandbox, family: str) -> None:
    assert unexpected(sandbox, forged.FAMILIES[family]) == {}


def test_a_program_cannot_read_the_expected_value_in_its_judges_memory(sandbox: Sandbox) -> None:
    assert unexpected(sandbox, forged.UNPROTECTED_MEMORY) == {}


def test_what_a_program_says_that_shares_a_process_with_its_tests_never_harms_the_caller(sandbox: Sandbox) -> None:
    assert unexpected(sandbox, forged.TOGETHER) == {}


def test_a_pass_that_a_program_could_have_forged_is_marked(sandbox: Sandbox) -> None:
    [verdict, apart] = sandbox.run([forged.TOGETHER[0].program, GOOD])
    assert verdict.together
    assert not apart.together
