"""Operations on sets of integers; results that are lists are sorted, so that their order is deterministic."""

from __future__ import annotations

from random import Random

from codeprimer.curriculum.operation import another, means, number, operations_in


def _some_set(random: Random) -> set[int]:
    return set(random.sample(range(1, 13), random.randrange(2, 7)))


def _large_set(random: Random) -> set[int]:
    return set(random.sample(range(1, 21), random.randrange(4, 18)))


_OTHER = another("set[int]", _some_set, "allowed", "known")

OPERATIONS = operations_in(
    __file__,
    {
        "to_set": means(lambda v: set().union(*([x] for x in v))),
        "union": means(lambda v, k: {x for group in (v, k) for x in group}, _OTHER),
        "intersection": means(lambda v, k: {x for x in v if x in k}, _OTHER),
        "difference": means(lambda v, k: {x for x in v if x not in k}, _OTHER),
        "symmetric_difference": means(lambda v, k: {x for x in [*v, *k] if (x in v) != (x in k)}, _OTHER),
        "keep_large_members": means(lambda v, k: set(filter(lambda x: x > k, v)), number(3, 9, "limit", "bound")),
        "shift_members": means(lambda v, k: {sum((x, k)) for x in v}, number(2, 9, "step", "amount")),
        "is_subset": means(
            lambda v, k: not [x for x in v if x not in k], another("set[int]", _large_set, "allowed", "known")
        ),
        "has_member": means(lambda v, k: any(x == k for x in v), number(2, 9, "target", "wanted")),
        "set_size": means(lambda v: sum(1 for _ in v)),
        "set_total": means(lambda v: sum(list(v))),
        "sorted_members": means(lambda v: [x for x in range(min(v, default=0), max(v, default=-1) + 1) if x in v]),
    },
)
