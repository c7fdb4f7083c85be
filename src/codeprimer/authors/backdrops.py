"""Everyday backdrops: the objects, people and numbers that a section is about.

All randomness in a section's subject comes from one backdrop, so that its sentences, variable names and literals belong
together: prices in a basket, train delays, books on a shelf.

The placeholders (holes) in a lesson's templates, all filled by ``Backdrop.holes``:

=============================  ====================================================================================
``$numbers $number``           a plural and its singular, such as ``prices`` and ``price``; also variable names
``$numbers_of``                the plural with its origin: ``the prices in a shopping basket``
``$ints $more_ints``           lists of five to seven numbers; ``$few_ints``: three numbers; ``$sorted_ints``: ascending
``$repeated_ints``             a list with repeated numbers
``$limit``                     the median of ``$ints``; ``$low < $limit < $high``
``$target $missing``           an item of ``$sorted_ints``, and a number that is not in the list
``$words $word``               a plural and its singular, such as ``cities`` and ``city``
``$words_of``                  the plural with its origin: ``the cities of a train journey``
``$strings $more_strings``     lists of four or five words; ``$few_strings``: three words
``$repeated_strings``          a list with repeated words
``$string $other_string``      two words, as literals
``$table $key $amount``        a mapping, its key and its value: ``stock``, ``fruit``, ``count``
``$table_of``                  a description of the mapping: ``a table that says what each dish costs``
``$mapping $more_mapping``     two dictionary literals that share a key
``$pairs``                     a list of (key, value) tuples
``$known $unknown``            a key of ``$mapping``, and a string that is not a key
``$grid``                      a 3 × 3 table
``$sentence $other_sentence``  strings of several words
``$person $friend``            first names, without quotes
``$small $medium $large``      2-5, 6-12 and 20-99
=============================  ====================================================================================
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random


@dataclass(frozen=True)
class Numbers:
    """Numbers of one everyday kind."""

    plural: str
    singular: str
    place: str
    low: int
    high: int


@dataclass(frozen=True)
class Words:
    """Words of one everyday kind."""

    plural: str
    singular: str
    place: str
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A mapping from words to numbers."""

    name: str
    key: str
    amount: str
    described: str
    keys: tuple[str, ...]
    low: int
    high: int


_DATA = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))

NUMBERS = tuple(Numbers(*row) for row in _DATA["numbers"])
WORDS = tuple(Words(plural, singular, place, tuple(some)) for plural, singular, place, some in _DATA["words"])
_EXAMPLES = {words.plural: words.examples for words in WORDS}
TABLES = tuple(
    Table(name, key, amount, described, _EXAMPLES[keys], low, high)
    for name, key, amount, described, keys, low, high in _DATA["tables"]
)
PEOPLE = tuple(_DATA["people"])
SENTENCES = tuple(_DATA["sentences"])


class Backdrop:
    """A random choice of the subjects of one section; equal generators give equal backdrops."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.numbers = random.choice(NUMBERS)
        self.words = random.choice(WORDS)
        self.table = random.choice([table for table in TABLES if not _clashes(table, self.numbers, self.words)])
        self.person, self.friend = random.sample(PEOPLE, 2)

    def holes(self) -> dict[str, str]:
        """Return a string for every hole: the same subjects in each call, with new numbers."""
        return {**self._numbers(), **self._words(), **self._table(), **self._rest()}

    def _numbers(self) -> Mapping[str, str]:
        kind, random = self.numbers, self.random
        spread = range(kind.low, kind.high + 1)
        ints = random.sample(spread, min(random.randint(5, 7), len(spread) - 2))
        in_order = sorted(random.sample(spread, min(random.randint(6, 8), len(spread) - 2)))
        repeated = random.sample(spread, 3)
        ranked = sorted(ints)
        return {
            "numbers": kind.plural,
            "number": kind.singular,
            "numbers_of": f"the {kind.plural} {kind.place}",
            "ints": repr(ints),
            "more_ints": repr([random.choice(spread) for _ in ints]),
            "few_ints": repr(random.sample(spread, 3)),
            "sorted_ints": repr(in_order),
            "repeated_ints": repr([*repeated, random.choice(repeated), random.choice(spread), repeated[0]]),
            "low": str(ranked[1]),
            "limit": str(ranked[len(ranked) // 2]),
            "high": str(ranked[-2]),
            "target": str(random.choice(in_order)),
            "missing": str(random.choice([number for number in spread if number not in in_order])),
        }

    def _words(self) -> Mapping[str, str]:
        kind, random = self.words, self.random
        some = random.sample(kind.examples, random.randint(4, 5))
        string, other = random.sample(kind.examples, 2)
        return {
            "words": kind.plural,
            "word": kind.singular,
            "words_of": f"the {kind.plural} {kind.place}",
            "strings": text_of(some),
            "more_strings": text_of(random.sample(kind.examples, 4)),
            "few_strings": text_of(random.sample(kind.examples, 3)),
            "repeated_strings": text_of([*some[:3], random.choice(some[1:3]), some[3], some[0]]),
            "string": text_of(string),
            "other_string": text_of(other),
        }

    def _table(self) -> Mapping[str, str]:
        kind, random = self.table, self.random
        keys = random.sample(kind.keys, 6)
        values = random.sample(range(kind.low, kind.high + 1), 7)
        pairs = list(zip(keys[:3], values, strict=False))
        return {
            "table": kind.name,
            "key": kind.key,
            "amount": kind.amount,
            "table_of": f"a table that says {kind.described}",
            "mapping": text_of(dict(zip(keys[:4], values, strict=False))),
            "more_mapping": text_of(dict(zip(keys[3:5], values[4:], strict=False))),
            "pairs": text_of([*pairs, (keys[random.randrange(4)], values[4])]),
            "known": text_of(random.choice(keys[:4])),
            "unknown": text_of(keys[5]),
        }

    def _rest(self) -> Mapping[str, str]:
        random = self.random
        sentence, other = random.sample(SENTENCES, 2)
        return {
            "grid": repr([[random.randint(0, 9) for _ in range(3)] for _ in range(3)]),
            "sentence": text_of(sentence),
            "other_sentence": text_of(other),
            "person": self.person,
            "friend": self.friend,
            "small": str(random.randint(2, 5)),
            "medium": str(random.randint(6, 12)),
            "large": str(random.randint(20, 99)),
        }


def text_of(value: object) -> str:
    """Return a value as source text with double quotes; the value must not contain quotes."""
    return repr(value).replace("'", '"')


def _clashes(table: Table, numbers: Numbers, words: Words) -> bool:
    """Return whether a name would have two meanings in the same program."""
    taken = {numbers.plural, numbers.singular, words.plural, words.singular}
    return bool(taken & {table.name, table.key, table.amount})
