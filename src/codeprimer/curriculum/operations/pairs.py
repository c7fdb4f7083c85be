"""Operations on lists of (name, score) pairs."""

from __future__ import annotations

import operator

from codeprimer.curriculum.operation import means, number, operations_in

OPERATIONS = operations_in(
    __file__,
    {
        "sort_by_score": means(lambda v: sorted(v, key=operator.itemgetter(1))),
        "sort_by_score_down": means(
            lambda v: sorted(v, key=operator.itemgetter(1))[::-1],
            domain=lambda v: len({score for _, score in v}) == len(v),
        ),
        "sort_by_name": means(lambda v: sorted(v, key=operator.itemgetter(0))),
        "keep_high_scores": means(
            lambda v, k: list(filter(lambda entry: entry[1] > k, v)), number(3, 9, "limit", "minimum")
        ),
        "raise_scores": means(
            lambda v, k: [(entry[0], sum((entry[1], k))) for entry in v], number(2, 9, "step", "amount")
        ),
        "names_of": means(lambda v: [entry[0] for entry in v]),
        "scores_of": means(lambda v: [entry[1] for entry in v]),
        "total_by_name": means(
            lambda v: {entry[0]: sum(score for name, score in v if name == entry[0]) for entry in v}
        ),
        "best_name": means(
            lambda v: [*(name for name, score in v if score == max(entry[1] for entry in v)), ""][0],
            domain=lambda v: len({score for _, score in v}) == len(v),
        ),
        "format_pairs": means(lambda v: [entry[0] + "=" + str(entry[1]) for entry in v]),
    },
)
