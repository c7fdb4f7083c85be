"""Operations on a list of words that return such a list."""

from __future__ import annotations

import itertools

from codeprimer.curriculum.operation import choice, means, number, operations_in

_LENGTH = number(3, 5, "length", "limit")

OPERATIONS = operations_in(
    __file__,
    {
        "upper_each": means(lambda v: ["".join(c.upper() for c in w) for w in v]),
        "capitalize_each": means(lambda v: [w[:1].upper() + w[1:].lower() for w in v]),
        "reverse_each": means(lambda v: ["".join(reversed(w)) for w in v]),
        "append_each": means(lambda v, k: ["".join((w, k)) for w in v], choice("!?s.-", "suffix", "mark")),
        "shorten_each": means(lambda v, k: ["".join(itertools.islice(w, k)) for w in v], number(1, 3, "size", "count")),
        "number_each": means(lambda v: [str(i + 1) + ":" + v[i] for i in range(len(v))]),
        "keep_longer": means(lambda v, k: [w for w in v if w[k:]], _LENGTH),
        "keep_shorter": means(lambda v, k: [w for w in v if not w[k:]], _LENGTH),
        "keep_containing": means(lambda v, k: [w for w in v if w.find(k) >= 0], choice("aeonr", "letter", "mark")),
        "keep_starting": means(lambda v, k: [w for w in v if w[:1] == k], choice("abgemo", "letter", "start")),
        "sort_words": means(lambda v: sorted(v)),
        "sort_by_length": means(lambda v: [w for _, _, w in sorted((len(w), i, w) for i, w in enumerate(v))]),
        "reverse_words": means(lambda v: list(reversed(v))),
        "dedupe_words": means(lambda v: [w for i, w in enumerate(v) if w not in v[:i]]),
        "first_words": means(lambda v, k: [w for i, w in enumerate(v) if i < k], number(1, 3, "count", "limit")),
    },
)
