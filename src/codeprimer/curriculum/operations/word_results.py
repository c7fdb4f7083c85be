"""Operations that turn a list of words into another type."""

from __future__ import annotations

import functools

from codeprimer.curriculum.operation import choice, means, operations_in

OPERATIONS = operations_in(
    __file__,
    {
        "lengths": means(lambda v: [sum(1 for _ in w) for w in v]),
        "count_words": means(lambda v: sum(1 for _ in v)),
        "join_spaces": means(lambda v: functools.reduce(lambda a, b: a + " " + b, v) if v else ""),
        "join_with": means(
            lambda v, k: functools.reduce(lambda a, b: a + k + b, v) if v else "",
            choice(["-", "+", "/", "_"], "separator", "glue"),
        ),
        "longest_word": means(lambda v: [*(w for w in v if len(w) == max(map(len, v))), ""][0]),
        "initials": means(lambda v: functools.reduce(lambda a, b: a + b[:1], v, ""), domain=lambda v: "" not in v),
        "tally_words": means(lambda v: {w: v.count(w) for w in v}),
        "map_lengths": means(lambda v: dict(zip(v, map(len, v), strict=True))),
        "pair_lengths": means(lambda v: list(zip(v, map(len, v), strict=True))),
        "contains_word": means(lambda v, k: any(w[-1:] == k for w in v), choice("aenrt", "ending", "letter")),
    },
)
