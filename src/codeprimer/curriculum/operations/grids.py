"""Operations on lists of lists: rows, columns, diagonals, flattening."""

from __future__ import annotations

import itertools

from codeprimer.curriculum.operation import means, number, operations_in

OPERATIONS = operations_in(
    __file__,
    {
        "chunks": means(
            lambda v, k: [list(v[i:][:k]) for i in range(len(v)) if i % k == 0], number(2, 3, "size", "width")
        ),
        "flatten": means(lambda v: list(itertools.chain.from_iterable(v))),
        "row_sums": means(lambda v: list(map(sum, v))),
        "column_sums": means(
            lambda v: [sum(row[i] for row in v) for i in range(len(v[0]))],
            domain=lambda v: len(v) > 0 and len({len(row) for row in v}) == 1,
        ),
        "row_maxima": means(lambda v: [sorted(row)[-1] for row in v], domain=lambda v: [] not in v),
        "row_lengths": means(lambda v: list(map(len, v))),
        "column": means(
            lambda v, k: list(zip(*v, strict=True))[k] and [row[k] for row in v],
            number(0, 1, "place", "index"),
            domain=lambda v, k: len(v) > 0 and len({len(row) for row in v}) == 1 and len(v[0]) > k,
        ),
        "diagonal": means(
            lambda v: [row[i] for i, row in enumerate(v)], domain=lambda v: all(len(row) == len(v) for row in v)
        ),
        "transpose": means(
            lambda v: [[row[i] for row in v] for i in range(len(v[0]))],
            domain=lambda v: len(v) > 0 and len({len(row) for row in v}) == 1,
        ),
        "reverse_rows": means(lambda v: [list(reversed(row)) for row in v]),
        "sort_rows": means(lambda v: list(map(sorted, v))),
        "scale_cells": means(
            lambda v, k: [[sum([cell] * k) for cell in row] for row in v], number(2, 5, "factor", "times")
        ),
        "keep_long_rows": means(
            lambda v, k: list(filter(lambda row: sum(row) > k, v)), number(6, 9, "limit", "minimum")
        ),
        "count_large_cells": means(
            lambda v, k: len([cell for cell in itertools.chain.from_iterable(v) if cell > k]),
            number(2, 9, "limit", "bound"),
        ),
        "count_rows": means(lambda v: sum(1 for _ in v)),
    },
)
