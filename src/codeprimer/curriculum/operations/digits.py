"""Operations on the digits of an integer, and on integers as strings."""

from __future__ import annotations

import math

from codeprimer.curriculum.operation import means, number, operations_in


def _natural(n: int, *parameters: int) -> bool:
    return n >= 0


OPERATIONS = operations_in(
    __file__,
    {
        "digit_sum": means(lambda n: sum(map(int, list(str(n)))), domain=_natural),
        "digit_count": means(lambda n: 1 if n < 10 else 1 + int(math.log10(n) + 1e-9), domain=_natural),
        "reverse_digits": means(lambda n: int("".join(reversed(str(n)))), domain=_natural),
        "largest_digit": means(lambda n: sorted(int(d) for d in str(n))[-1], domain=_natural),
        "digits": means(lambda n: [ord(d) - 48 for d in str(n)], domain=_natural),
        "to_text": means(lambda n: f"{n:d}"),
        "zero_pad": means(
            lambda n, k: "0" * (k - len(str(n))) + str(n), number(4, 8, "width", "length"), domain=lambda n, k: n >= 0
        ),
        "to_binary": means(lambda n: f"{n:b}", domain=_natural),
        "parity_word": means(lambda n: ("even", "odd")[n & 1]),
    },
)
