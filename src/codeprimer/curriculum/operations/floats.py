"""Operations on decimal numbers."""

from __future__ import annotations

import math

from codeprimer.curriculum.operation import means, number, operations_in

OPERATIONS = operations_in(
    __file__,
    {
        "divide": means(lambda n, k: n / float(k), number(2, 8, "parts", "divisor")),
        "round_places": means(lambda x, k: float(f"{x:.{k}f}"), number(1, 2, "places", "digits")),
        "add_percent": means(lambda x, k: float(k) * x, number(2, 9, "factor", "times")),
        "whole_part": means(lambda x: math.trunc(x)),
        "above": means(lambda x, k: not x <= k, number(3, 9, "limit", "bound")),
        "format_places": means(lambda x: format(x, ".2f")),
    },
)
