"""pass@k from many samples."""

from __future__ import annotations

import pytest

from codeprimer.benchmarks.passing import pass_rates, verdict_counts
from codeprimer.sandbox import Verdict, VerdictKind

PASSED, FAILED = Verdict(VerdictKind.passed), Verdict(VerdictKind.failed)


def test_one_sample_per_problem_is_a_share_with_wilsons_interval() -> None:
    [row] = pass_rates([[PASSED]] * 82 + [[FAILED]] * 82, 1)
    assert (row["k"], row["samples"], row["problems"], row["value"]) == (1, 1, 164, 0.5)
    assert (row["low"], row["high"]) == pytest.approx((0.42436, 0.57564), abs=1e-5)


def test_more_samples_give_the_unbiased_estimate_for_each_k() -> None:
    rows = pass_rates([[PASSED] * 2 + [FAILED] * 8, [FAILED] * 10] * 8, 1)
    assert {row["k"]: row["value"] for row in rows} == pytest.approx({1: 0.1, 5: (1 - 2 / 9) / 2, 10: 0.5})
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows)


def test_verdicts_are_counted_by_kind() -> None:
    assert verdict_counts([[PASSED, FAILED], [FAILED, FAILED]]) == {"failed": 3, "passed": 1}


def test_many_samples_of_few_problems_have_no_interval() -> None:
    [row] = pass_rates([[PASSED, FAILED], [FAILED, FAILED]], 1)
    assert (row["value"], row["low"], row["high"]) == (0.25, None, None)
