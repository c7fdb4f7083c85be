"""Operations on one integer that count, divide or recurse."""

from __future__ import annotations

import math

from codeprimer.curriculum.operation import means, number, operations_in


def _positive(n: int, *parameters: int) -> bool:
    return 1 <= n <= 3000


def _collatz_steps(n: int) -> int:
    return 0 if n == 1 else 1 + _collatz_steps(3 * n + 1 if n % 2 else n >> 1)


OPERATIONS = operations_in(
    __file__,
    {
        "divisors": means(lambda n: sorted({d for d in range(1, n + 1) if divmod(n, d)[1] == 0}), domain=_positive),
        "count_divisors": means(lambda n: len([d for d in range(1, n + 1) if n // d * d == n]), domain=_positive),
        "is_prime": means(
            lambda n: len([d for d in range(1, n + 1) if n % d == 0]) == 2, domain=lambda n: 0 <= n <= 3000
        ),
        "primes_up_to": means(
            lambda n: [p for p in range(2, n + 1) if sum(p % d == 0 for d in range(1, p + 1)) == 2],
            domain=lambda n: 0 <= n <= 120,
        ),
        "gcd": means(lambda n, k: math.gcd(n, k), number(4, 9, "other", "second"), domain=lambda n, k: n >= 0),
        "factorial": means(math.factorial, domain=lambda n: 0 <= n <= 12),
        "sum_up_to": means(lambda n: n * (n + 1) // 2, domain=lambda n: 0 <= n <= 500),
        "fibonacci": means(
            lambda n: round(((1 + math.sqrt(5)) / 2) ** n / math.sqrt(5)), domain=lambda n: 0 <= n <= 20
        ),
        "collatz_steps": means(_collatz_steps, domain=lambda n: 1 <= n <= 60),
        "halve_while_even": means(lambda n: n // (n & -n), domain=lambda n: n >= 1),
        "count_up": means(lambda n: [i + 1 for i in range(n)], domain=lambda n: 0 <= n <= 40),
        "count_down": means(lambda n: [n - i for i in range(n)], domain=lambda n: 0 <= n <= 40),
        "multiples": means(lambda n, k: [sum([n] * i) for i in range(1, k + 1)], number(3, 7, "count", "size")),
    },
)
