"""Operations on one integer: arithmetic, bounds, branches, tests."""

from __future__ import annotations

import math

from codeprimer.curriculum.operation import means, number, operations_in

_LIMIT = number(3, 9, "limit", "bound")
_STEP = number(2, 9, "step", "amount")


def _natural(n: int, *parameters: int) -> bool:
    return n >= 0


OPERATIONS = operations_in(
    __file__,
    {
        "add": means(lambda n, k: sum((n, k)), _STEP),
        "subtract": means(lambda n, k: n + -k, _STEP),
        "multiply": means(lambda n, k: math.prod((n, k)), _STEP),
        "square": means(lambda n: n**2),
        "cube": means(lambda n: n * n * n, domain=lambda n: abs(n) <= 99),
        "divide_whole": means(lambda n, k: divmod(n, k)[0], number(2, 9, "parts", "divisor")),
        "remainder": means(lambda n, k: divmod(n, k)[1], number(3, 9, "modulus", "divisor")),
        "distance": means(lambda n, k: max(n, k) - min(n, k), number(3, 9, "target", "goal")),
        "cap": means(lambda n, k: k if n > k else n, number(5, 9, "limit", "bound")),
        "floor_at": means(lambda n, k: k if n < k else n, number(4, 9, "minimum", "floor")),
        "halve_or_add": means(lambda n, k: (n >> 1, n + k)[n & 1], _STEP),
        "is_even": means(lambda n: not n & 1),
        "is_multiple": means(lambda n, k: n == n // k * k, number(2, 4, "divisor", "step")),
        "exceeds": means(lambda n, k: min(n, k) == k != n, _LIMIT),
        "is_digit_palindrome": means(lambda n: list(str(n)) == list(reversed(str(n))), domain=_natural),
    },
)
