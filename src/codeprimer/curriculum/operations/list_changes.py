"""Operations on a list of integers that keep or change individual numbers."""

from __future__ import annotations

from codeprimer.curriculum.operation import means, number, operations_in

_LIMIT = number(2, 9, "limit", "bound")

OPERATIONS = operations_in(
    __file__,
    {
        "keep_even": means(lambda v: list(filter(lambda x: not x & 1, v))),
        "keep_odd": means(lambda v: list(filter(lambda x: x & 1, v))),
        "keep_greater": means(lambda v, k: [x for x in v if max(x, k) != k], _LIMIT),
        "keep_smaller": means(lambda v, k: [x for x in v if min(x, k) != k], _LIMIT),
        "keep_multiples": means(lambda v, k: [x for x in v if x == x // k * k], number(3, 5, "divisor", "step")),
        "remove_value": means(lambda v, k: [x for x in v if x - k], number(1, 6, "unwanted", "target")),
        "add_each": means(lambda v, k: [sum((x, k)) for x in v], number(2, 9, "step", "amount")),
        "multiply_each": means(lambda v, k: [sum([x] * k) for x in v], number(2, 5, "factor", "times")),
        "square_each": means(lambda v: [x**2 for x in v]),
        "negate_each": means(lambda v: [0 - x for x in v]),
        "absolute_each": means(lambda v: [max(x, -x) for x in v]),
        "cap_each": means(lambda v, k: [x if x <= k else k for x in v], _LIMIT),
        "remainder_each": means(lambda v, k: [divmod(x, k)[1] for x in v], number(3, 7, "modulus", "divisor")),
        "zero_negatives": means(lambda v: [max(x, 0) for x in v]),
    },
)
