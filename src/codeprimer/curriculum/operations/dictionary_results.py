"""Operations that read a dictionary from names to numbers."""

from __future__ import annotations

from codeprimer.curriculum.operation import choice, means, operations_in

_KEY = choice(["fig", "ann", "red", "cat", "dog"], "label", "wanted")

OPERATIONS = operations_in(
    __file__,
    {
        "sum_values": means(lambda v: sum(v[key] for key in v)),
        "count_keys": means(lambda v: sum(1 for _ in v)),
        "look_up": means(lambda v, k: [*(v[key] for key in v if key == k), 0][0], _KEY),
        "largest_value": means(
            lambda v: [0, *sorted(v.values())][-1] if v else 0, domain=lambda v: all(value >= 0 for value in v.values())
        ),
        "key_of_largest": means(
            lambda v: [*(key for key in v if v[key] == max(v.values())), ""][0],
            domain=lambda v: list(v.values()).count(max(v.values(), default=0)) < 2 and "" not in v,
        ),
        "has_key": means(lambda v, k: any(key == k for key in v), _KEY),
        "sorted_keys": means(lambda v: sorted(v.keys())),
        "sorted_values": means(lambda v: sorted(v[key] for key in v)),
        "keys_by_value": means(
            lambda v: [key for _, key in sorted(zip(v.values(), v.keys(), strict=True))],
            domain=lambda v: len(set(v.values())) == len(v),
        ),
        "sorted_items": means(lambda v: [(key, v[key]) for key in sorted(v)]),
        "invert": means(
            lambda v: dict(zip(v.values(), v.keys(), strict=True)), domain=lambda v: len(set(v.values())) == len(v)
        ),
    },
)
