"""Operations that search or test a list of integers, or summarise it in a float or a pair."""

from __future__ import annotations

import bisect
import math
import statistics

from codeprimer.curriculum.operation import means, number, operations_in

_TARGET = number(1, 8, "target", "wanted")

OPERATIONS = operations_in(
    __file__,
    {
        "first_even": means(lambda v: [*filter(lambda x: not x & 1, v), -1][0]),
        "first_above": means(lambda v, k: [*filter(lambda x: k < x, v), -1][0], number(3, 9, "limit", "bound")),
        "find_index": means(lambda v, k: min((i for i in range(len(v)) if v[i] == k), default=-1), _TARGET),
        "index_of_largest": means(lambda v: [*(i for i, x in enumerate(v) if x == max(v)), -1][0]),
        "binary_search": means(
            lambda v, k: bisect.bisect_left(v, k), number(3, 9, "target", "wanted"), domain=lambda v, k: sorted(v) == v
        ),
        "last_item": means(lambda v: [0, *v][-1]),
        "any_negative": means(lambda v: min([0, *v]) != 0),
        "all_above": means(lambda v, k: min([k + 1, *v]) != min([k, *v]), number(0, 4, "limit", "bound")),
        "has_duplicates": means(lambda v: any(v[i] == v[j] for j in range(len(v)) for i in range(j))),
        "any_above": means(lambda v, k: max([k, *v]) != k, number(5, 9, "limit", "bound")),
        "is_sorted": means(lambda v: v == sorted(v)),
        "contains": means(lambda v, k: any(x == k for x in v), _TARGET),
        "average": means(lambda v: float(statistics.mean(v)) if v else 0.0),
        "minimum_and_maximum": means(lambda v: (sorted(v)[0], sorted(v)[-1]), domain=lambda v: len(v) > 0),
        "sum_and_count": means(lambda v: (math.prod([1, sum(v)]), sum(1 for _ in v))),
    },
)
