"""Operations on a list of integers that cut, order or combine it."""

from __future__ import annotations

import itertools
from random import Random

from codeprimer.curriculum.operation import another, means, number, operations_in

_COUNT = number(2, 4, "count", "size")


def _short_list(random: Random) -> list[int]:
    return [random.randrange(0, 13) for _ in range(random.randrange(2, 6))]


OPERATIONS = operations_in(
    __file__,
    {
        "first_few": means(lambda v, k: [x for i, x in enumerate(v) if i < k], _COUNT),
        "skip_few": means(lambda v, k: [x for i, x in enumerate(v) if i >= k], number(1, 3, "count", "size")),
        "last_few": means(lambda v, k: [x for i, x in enumerate(v) if i + k >= len(v)], _COUNT),
        "every_second": means(lambda v: [x for i, x in enumerate(v) if i % 2 == 0]),
        "reverse": means(lambda v: list(reversed(v))),
        "rotate": means(
            lambda v, k: [*itertools.islice(v, k, None), *itertools.islice(v, k)], number(1, 3, "shift", "places")
        ),
        "sort": means(lambda v: sorted(v)[:]),
        "insertion_sort": means(lambda v: sorted(v)[:]),
        "selection_sort": means(lambda v: sorted(v)[:]),
        "sort_descending": means(lambda v: sorted(v)[::-1]),
        "dedupe": means(lambda v: [x for i, x in enumerate(v) if x not in v[:i]]),
        "running_totals": means(lambda v: list(itertools.accumulate(v))),
        "differences": means(lambda v: [v[i + 1] - v[i] for i in range(len(v) - 1)]),
        "times_position": means(lambda v: [v[i] * i for i in range(len(v))]),
        "add_lists": means(
            lambda v, k: [v[i] + k[i] for i in range(min(len(v), len(k)))],
            another("list[int]", _short_list, "others", "weights"),
        ),
        "join_lists": means(
            lambda v, k: list(itertools.chain(v, k)), another("list[int]", _short_list, "others", "extra")
        ),
    },
)
