"""Operations on a pair of integers."""

from __future__ import annotations

import operator

from codeprimer.curriculum.operation import means, number, operations_in

OPERATIONS = operations_in(
    __file__,
    {
        "swap": means(lambda v: (v[1], v[0])),
        "shift_pair": means(lambda v, k: tuple(sum((x, k)) for x in v), number(2, 9, "step", "amount")),
        "order_pair": means(lambda v: tuple(sorted(v))),
        "pair_sum": means(sum),
        "pair_product": means(lambda v: operator.mul(*v)),
        "pair_difference": means(lambda v: max(v) - min(v)),
        "pair_range": means(
            lambda v: [x for x in range(1, 200) if v[0] <= x <= v[1]], domain=lambda v: v[0] >= 1 and v[1] < 200
        ),
        "pair_rising": means(lambda v: v[1] - v[0] > 0),
    },
)
