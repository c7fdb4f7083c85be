"""What a program returns is what its tests see: the same value, of the same type, or a refusal that says why."""

from __future__ import annotations

import pytest
from tests.sandbox.hostile import values
from tests.sandbox.hostile.programs import Hostile, unexpected

from codeprimer.sandbox import Sandbox, VerdictKind


def test_values_arguments_and_exceptions_arrive_as_they_are(sandbox: Sandbox) -> None:
    assert unexpected(sandbox, values.kept()) == {}


@pytest.mark.parametrize("each", values.subtle(), ids=lambda each: each.name)
def test_a_test_cannot_tell_that_it_calls_another_process(best_sandbox: Sandbox, each: Hostile) -> None:
    assert unexpected(best_sandbox, [each]) == {}


def test_a_value_that_is_almost_right_fails(sandbox: Sandbox) -> None:
    assert unexpected(sandbox, values.confused()) == {}


def test_a_value_that_cannot_cross_is_refused_with_the_reason(sandbox: Sandbox) -> None:
    rows = values.refused()
    verdicts = list(sandbox.run(program for _, program, _ in rows))
    for (name, _, reason), verdict in zip(rows, verdicts, strict=True):
        assert verdict.kind is VerdictKind.refused, name
        assert reason in verdict.detail, name
