"""Operations on a dictionary from names to numbers that return such a dictionary."""

from __future__ import annotations

import itertools
from random import Random

from codeprimer.curriculum.operation import another, choice, means, number, operations_in

_LIMIT = number(3, 9, "limit", "minimum")
_KEY = choice(["fig", "ann", "red", "cat", "dog"], "label", "wanted")


def _few_counts(random: Random) -> dict[str, int]:
    return {key: random.randrange(1, 10) for key in random.sample(["fig", "ann", "red", "pear", "owl"], 2)}


_OTHER = another("dict[str, int]", _few_counts, "extra", "updates")

OPERATIONS = operations_in(
    __file__,
    {
        "keep_entries": means(lambda v, k: dict(filter(lambda item: item[1] > k, v.items())), _LIMIT),
        "keep_even_values": means(lambda v: dict(filter(lambda item: not item[1] & 1, v.items()))),
        "keep_short_keys": means(
            lambda v, k: dict(filter(lambda item: not item[0][k:], v.items())), number(3, 4, "length", "limit")
        ),
        "add_to_values": means(
            lambda v, k: dict(zip(v.keys(), (sum((x, k)) for x in v.values()), strict=True)),
            number(2, 9, "step", "amount"),
        ),
        "scale_values": means(
            lambda v, k: dict(zip(v.keys(), (sum([x] * k) for x in v.values()), strict=True)),
            number(2, 5, "factor", "times"),
        ),
        "upper_keys": means(
            lambda v: dict(zip(map(str.upper, v.keys()), v.values(), strict=True)),
            domain=lambda v: len({key.upper() for key in v}) == len(v),
        ),
        "merge_over": means(lambda v, k: dict(itertools.chain(v.items(), k.items())), _OTHER),
        "merge_adding": means(lambda v, k: {x: v.get(x, 0) + k.get(x, 0) for x in [*v, *k]}, _OTHER),
        "remove_key": means(lambda v, k: dict(filter(lambda item: item[0] != k, v.items())), _KEY),
    },
)
