"""Operations that create and read groups and inverted dictionaries."""

from __future__ import annotations

import itertools
from random import Random

from codeprimer.curriculum.operation import another, means, number, operations_in


def _some_numbers(random: Random) -> list[int]:
    return [random.randrange(1, 21) for _ in range(random.randrange(3, 6))]


OPERATIONS = operations_in(
    __file__,
    {
        "group_by_initial": means(
            lambda v: {c: [w for w in v if w[0] == c] for c in [w[0] for w in v]}, domain=lambda v: "" not in v
        ),
        "group_by_last": means(
            lambda v: {c: [w for w in v if w[-1] == c] for c in [w[-1] for w in v]}, domain=lambda v: "" not in v
        ),
        "zip_counts": means(
            lambda v, k: {v[i]: k[i] for i in range(min(len(v), len(k)))},
            another("list[int]", _some_numbers, "amounts", "marks"),
            domain=lambda v, k: len(set(v)) == len(v),
        ),
        "zip_pairs": means(
            lambda v, k: [(v[i], k[i]) for i in range(min(len(v), len(k)))],
            another("list[int]", _some_numbers, "amounts", "marks"),
        ),
        "group_sizes": means(lambda v: dict(zip(v, map(len, v.values()), strict=True))),
        "sort_groups": means(lambda v: dict(zip(v, map(sorted, v.values()), strict=True))),
        "keep_groups": means(
            lambda v, k: dict(filter(lambda item: len(item[1]) >= k, v.items())), number(2, 3, "minimum", "size")
        ),
        "group_members": means(lambda v: sorted(itertools.chain.from_iterable(v.values()))),
        "largest_group": means(lambda v: [0, *sorted(len(group) for group in v.values())][-1]),
        "labels_in_order": means(lambda v: [name for _, name in sorted(v.items())]),
        "label_of": means(lambda v: [*(name for _, name in sorted(v.items())), ""][0]),
    },
)
