"""Operations that fold a list of integers into one."""

from __future__ import annotations

import math

from codeprimer.curriculum.operation import Fold, Operation, number

_TARGET = number(1, 8, "target", "wanted")

OPERATIONS = (
    Operation(
        name="total",
        source="integers",
        target="integer",
        concepts=("accumulators", "list_aggregation"),
        do=("add up the numbers", "sum the numbers"),
        give=("the sum of the numbers", "their sum"),
        meaning=lambda v: math.fsum(v).__int__(),
        noun="total",
        result="total",
        expression="sum($v)",
        fold=Fold("0", "$out += $x", combine="$x + $rest"),
    ),
    Operation(
        name="product",
        source="integers",
        target="integer",
        concepts=("accumulators", "list_aggregation"),
        do=("multiply the numbers together",),
        give=("the product of the numbers", "their product"),
        meaning=lambda v: math.prod(v),
        noun="product",
        result="product",
        blocks=("$out = 1\nfor $x in $v:\n    $out *= $x",),
        fold=Fold("1", "$out *= $x", combine="$x * $rest"),
    ),
    Operation(
        name="count",
        source="integers",
        target="integer",
        concepts=("accumulators", "lists"),
        do=("count the numbers",),
        give=("the number of elements", "how many numbers there are"),
        meaning=lambda v: sum(1 for _ in v),
        noun="count",
        result="how_many",
        expression="len($v)",
        fold=Fold("0", "$out += 1", combine="1 + $rest"),
    ),
    Operation(
        name="largest",
        source="integers",
        target="integer",
        concepts=("list_aggregation",),
        do=("take the largest number (0 if none)",),
        give=("the largest number (0 if none)", "the maximum, or 0 if empty"),
        meaning=lambda v: sorted(v)[-1] if v else 0,
        noun="largest",
        result="largest",
        expression="max($v, default=0)",
        returning=(
            "if not $v:\n    return 0\nextreme = $v[0]\nfor $x in $v:\n    if $x > extreme:\n"
            "        extreme = $x\nreturn extreme",
        ),
    ),
    Operation(
        name="smallest",
        source="integers",
        target="integer",
        concepts=("list_aggregation",),
        do=("take the smallest number (0 if none)",),
        give=("the smallest number (0 if none)", "the minimum, or 0 if empty"),
        meaning=lambda v: sorted(v)[0] if v else 0,
        noun="smallest",
        result="smallest",
        expression="min($v, default=0)",
        returning=(
            "if not $v:\n    return 0\nextreme = $v[0]\nfor $x in $v:\n    if $x < extreme:\n"
            "        extreme = $x\nreturn extreme",
        ),
    ),
    Operation(
        name="spread",
        source="integers",
        target="integer",
        concepts=("list_aggregation", "early_return"),
        do=("take the largest minus the smallest number (0 if none)",),
        give=("the largest minus the smallest number (0 if none)",),
        meaning=lambda v: sorted(v)[-1] - sorted(v)[0] if v else 0,
        noun="spread",
        result="spread",
        expression="max($v) - min($v) if $v else 0",
        returning=("if not $v:\n    return 0\nreturn max($v) - min($v)",),
    ),
    Operation(
        name="count_distinct",
        source="integers",
        target="integer",
        concepts=("sets", "list_deduplication"),
        do=("count the distinct numbers",),
        give=("the number of distinct values", "how many different numbers there are"),
        meaning=lambda v: sum(1 for i, x in enumerate(v) if x not in v[:i]),
        noun="distinct_count",
        result="variety",
        expression="len(set($v))",
    ),
    Operation(
        name="count_value",
        source="integers",
        target="integer",
        concepts=("lists", "character_counting"),
        do=("count how often $k occurs",),
        give=("how often $k occurs", "the number of times $k occurs"),
        meaning=lambda v, k: sum(1 for x in v if x - k == 0),
        noun="occurrences",
        result="hits",
        expression="$v.count($k)",
        blocks=("$out = 0\nfor $x in $v:\n    if $x == $k:\n        $out += 1",),
        parameters=(_TARGET,),
    ),
    Operation(
        name="alternating_sum",
        source="integers",
        target="integer",
        concepts=("enumeration", "accumulators"),
        do=("add and subtract the numbers in turn",),
        give=("the sum with alternating signs, plus first",),
        meaning=lambda v: sum(v[::2]) - sum(v[1::2]),
        noun="alternating_sum",
        result="alternating",
        blocks=(
            "$out = 0\nsign = 1\nfor $x in $v:\n    $out += sign * $x\n    sign = -sign",
            "$out = 0\nfor i, $x in enumerate($v):\n    $out += $x if i % 2 == 0 else -$x",
        ),
    ),
    Operation(
        name="longest_run",
        source="integers",
        target="integer",
        concepts=("adjacent_items", "accumulators"),
        do=("measure the longest run of equal neighbours",),
        give=("the length of the longest run of equal neighbours",),
        meaning=lambda v: max(
            (j - i for i in range(len(v)) for j in range(i + 1, len(v) + 1) if len(set(v[i:j])) == 1), default=0
        ),
        noun="longest_run",
        result="longest",
        blocks=(
            "$out = 0\nrun = 0\nfor i, $x in enumerate($v):\n    run = run + 1 if i > 0 and $v[i - 1] == $x else 1\n"
            "    $out = max($out, run)",
        ),
    ),
    Operation(
        name="count_inversions",
        source="integers",
        target="integer",
        concepts=("nested_loops",),
        do=("count the pairs out of order",),
        give=("the number of pairs out of order",),
        meaning=lambda v: sum(v[i] > v[j] for j in range(len(v)) for i in range(j)),
        noun="inversions",
        result="inversions",
        blocks=(
            "$out = 0\nfor i in range(len($v)):\n    for j in range(i + 1, len($v)):\n        if $v[i] > $v[j]:\n"
            "            $out += 1",
        ),
    ),
)
