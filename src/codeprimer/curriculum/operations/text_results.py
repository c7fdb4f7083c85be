"""Operations that count, test or take apart a string."""

from __future__ import annotations

import string

from codeprimer.curriculum.operation import choice, means, number, operations_in

_LETTER = choice("aeonrt", "letter", "mark")

OPERATIONS = operations_in(
    __file__,
    {
        "text_length": means(lambda s: sum(1 for _ in s)),
        "count_vowels": means(lambda s: len([c for c in s.lower() if c in "aeiou"])),
        "count_character": means(lambda s, k: sum(1 for c in s if c == k), _LETTER),
        "find_character": means(lambda s, k: min((i for i in range(len(s)) if s[i] == k), default=-1), _LETTER),
        "count_distinct_characters": means(lambda s: sum(1 for i, c in enumerate(s) if c not in s[:i])),
        "count_upper": means(lambda s: len([c for c in s if c in string.ascii_uppercase])),
        "is_palindrome": means(lambda s: list(s) == list(reversed(s))),
        "starts_with": means(lambda s, k: s[: len(k)] == k, choice("abegn", "start", "letter")),
        "has_digit": means(lambda s: len(set(s) & set(string.digits)) > 0),
        "split_words": means(lambda s: [w for w in s.split(" ") if w]),
        "list_characters": means(lambda s: [*s]),
        "chunk_text": means(
            lambda s, k: [s[:k], *[s[i : i + k] for i in range(k, len(s), k)]] if s else [],
            number(2, 4, "size", "width"),
        ),
        "positions": means(lambda s, k: [i for i in range(len(s)) if s[i] == k], _LETTER),
        "character_codes": means(lambda s: list(s.encode("ascii"))),
        "count_characters": means(lambda s: {c: s.count(c) for c in s}),
    },
)
