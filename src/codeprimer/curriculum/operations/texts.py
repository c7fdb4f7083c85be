"""Operations that turn one string into another: case, slices, characters."""

from __future__ import annotations

import itertools
import string

from codeprimer.curriculum.operation import choice, means, number, operations_in

_LETTER = choice("aeonrt", "letter", "mark")
_COUNT = number(2, 5, "count", "size")


def _caesar(text: str, shift: int) -> str:
    letters = string.ascii_lowercase
    return text.translate(str.maketrans(letters, letters[shift:] + letters[:shift]))


OPERATIONS = operations_in(
    __file__,
    {
        "upper": means(lambda s: "".join(c.upper() for c in s)),
        "lower": means(lambda s: "".join(c.lower() for c in s)),
        "reverse_text": means(lambda s: "".join(reversed(s))),
        "first_characters": means(lambda s, k: "".join(itertools.islice(s, k)), _COUNT),
        "drop_characters": means(lambda s, k: "".join(itertools.islice(s, k, None)), number(1, 4, "count", "size")),
        "repeat_text": means(lambda s, k: "".join([s] * k), number(2, 4, "times", "count")),
        "surround": means(lambda s, k: "".join([k, s, k]), choice("*#-+|", "mark", "edge")),
        "replace_character": means(lambda s, k: "".join("*" if c == k else c for c in s), _LETTER),
        "remove_character": means(lambda s, k: "".join(filter(lambda c: c != k, s)), _LETTER),
        "strip_spaces": means(lambda s: "".join(s.split(" "))),
        "remove_vowels": means(lambda s: s.translate(str.maketrans("", "", "aeiouAEIOU"))),
        "keep_letters": means(lambda s: "".join(filter(lambda c: c in string.ascii_letters, s))),
        "double_characters": means(lambda s: "".join(itertools.chain.from_iterable(zip(s, s, strict=True)))),
        "caesar": means(_caesar, number(1, 5, "shift", "offset")),
        "squeeze": means(lambda s: "".join(c for c, _ in itertools.groupby(s))),
        "unique_characters": means(lambda s: "".join(c for i, c in enumerate(s) if c not in s[:i])),
        "sort_characters": means(lambda s: "".join(sorted(s))),
    },
)
