"""Operations that fold a list of integers into one integer."""

from __future__ import annotations

import math

from codeprimer.curriculum.operation import means, number, operations_in

_TARGET = number(1, 8, "target", "wanted")

OPERATIONS = operations_in(
    __file__,
    {
        "total": means(lambda v: math.fsum(v).__int__()),
        "product": means(lambda v: math.prod(v)),
        "count": means(lambda v: sum(1 for _ in v)),
        "largest": means(lambda v: sorted(v)[-1] if v else 0),
        "smallest": means(lambda v: sorted(v)[0] if v else 0),
        "spread": means(lambda v: sorted(v)[-1] - sorted(v)[0] if v else 0),
        "count_distinct": means(lambda v: sum(1 for i, x in enumerate(v) if x not in v[:i])),
        "count_value": means(lambda v, k: sum(1 for x in v if x - k == 0), _TARGET),
        "alternating_sum": means(lambda v: sum(v[::2]) - sum(v[1::2])),
        "longest_run": means(
            lambda v: max(
                (j - i for i in range(len(v)) for j in range(i + 1, len(v) + 1) if len(set(v[i:j])) == 1), default=0
            )
        ),
        "count_inversions": means(lambda v: sum(v[i] > v[j] for j in range(len(v)) for i in range(j))),
    },
)
