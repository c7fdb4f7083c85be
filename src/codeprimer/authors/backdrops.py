"""Everyday backdrops: the things, people and numbers that a section is about.

All randomness in a section's subject comes from one backdrop, so that its sentences, variable names and literals belong
together: prices in a basket, delays of trains, books on a shelf.

The placeholders (holes) of a lesson's templates, all filled by ``Backdrop.holes``:

=============================  ====================================================================================
``$numbers $number``           a plural and its singular, such as ``prices`` and ``price``; also variable names
``$numbers_of``                the plural with its origin: ``the prices in a shopping basket``
``$ints $more_ints``           lists of five to seven such numbers; ``$few_ints`` three; ``$sorted_ints`` ascending
``$repeated_ints``             a list with repeated numbers
``$limit``                     the median of ``$ints``; ``$low < $limit < $high``
``$target $missing``           an item of ``$sorted_ints``, and a number that is not
``$words $word``               a plural and its singular, such as ``cities`` and ``city``
``$words_of``                  the plural with its origin: ``the cities of a train journey``
``$strings $more_strings``     lists of four or five words; ``$few_strings`` three; ``$repeated_strings`` repeats
``$string $other_string``      two of them, as literals
``$table $key $amount``        a mapping, its key and its value: ``stock``, ``fruit``, ``count``
``$table_of``                  described: ``a table that says what each dish costs``
``$mapping $more_mapping``     two dictionary literals that share a key
``$pairs``                     a list of tuples, key and value
``$known $unknown``            a key of ``$mapping``, and one that is not
``$grid``                      a square table of three rows
``$sentence $other_sentence``  strings of several words
``$person $friend``            first names, without quotes
``$small $medium $large``      2-5, 6-12 and 20-99
=============================  ====================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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


NUMBERS = (
    Numbers("prices", "price", "in a shopping basket", 2, 60),
    Numbers("scores", "score", "of a quiz evening", 10, 99),
    Numbers("distances", "distance", "of a week of runs", 3, 25),
    Numbers("temperatures", "temperature", "of a cold week", -8, 19),
    Numbers("delays", "delay", "of the morning trains", 1, 45),
    Numbers("weights", "weight", "of the parcels in a van", 1, 30),
    Numbers("ages", "age", "of the guests at a party", 4, 90),
    Numbers("ratings", "rating", "of a small cafe", 1, 10),
    Numbers("heights", "height", "of the plants on a balcony", 12, 95),
    Numbers("marks", "mark", "of a spelling test", 20, 100),
    Numbers("lengths", "length", "of the trails in a park", 2, 40),
    Numbers("bids", "bid", "at an auction", 5, 95),
    Numbers("readings", "reading", "of a water meter", 10, 80),
    Numbers("fares", "fare", "of a taxi driver's day", 6, 50),
    Numbers("balances", "balance", "of a savings club", -40, 95),
    Numbers("durations", "duration", "of the songs on a record", 2, 12),
    Numbers("catches", "catch", "of a fishing trip", 0, 24),
    Numbers("depths", "depth", "of a diver's trips", 3, 40),
)

WORDS = (
    Words("names", "name", "on a guest list", ("Ada", "Bruno", "Carla", "Dmitri", "Elena", "Farid", "Greta", "Hana")),
    Words(
        "cities", "city", "of a train journey", ("Oslo", "Lima", "Cairo", "Kyoto", "Porto", "Bergen", "Quito", "Ghent")
    ),
    Words(
        "fruits", "fruit", "on a market stall", ("apple", "pear", "plum", "cherry", "lemon", "grape", "melon", "fig")
    ),
    Words(
        "animals", "animal", "in a wildlife diary", ("otter", "heron", "fox", "badger", "owl", "hare", "newt", "bat")
    ),
    Words("tools", "tool", "in a workshop", ("hammer", "saw", "chisel", "drill", "file", "plane", "clamp", "level")),
    Words("colors", "color", "of a paint box", ("red", "ochre", "teal", "violet", "amber", "navy", "olive", "white")),
    Words(
        "dishes", "dish", "on a lunch menu", ("soup", "risotto", "salad", "curry", "lasagna", "stew", "omelet", "pie")
    ),
    Words(
        "titles", "title", "on a library shelf", ("Dune", "Emma", "Ulysses", "Kim", "Dracula", "Persuasion", "Walden")
    ),
    Words("plants", "plant", "in a greenhouse", ("basil", "mint", "thyme", "fern", "cactus", "ivy", "sage", "aloe")),
    Words("tags", "tag", "of a photo album", ("beach", "family", "winter", "garden", "travel", "party", "snow", "dog")),
    Words("players", "player", "in a chess club", ("Ines", "Jakob", "Kofi", "Lena", "Mateo", "Nora", "Omar", "Petra")),
    Words("stations", "station", "of a tram line", ("Harbor", "Museum", "Park", "Market", "Bridge", "Mill", "Arena")),
    Words("birds", "bird", "seen before breakfast", ("robin", "wren", "swift", "finch", "crow", "stork", "thrush")),
    Words("instruments", "instrument", "of an orchestra", ("violin", "flute", "cello", "oboe", "harp", "horn", "tuba")),
)

TABLES = (
    Table("stock", "fruit", "quantity", "how many of each fruit a shop has", WORDS[2].examples, 1, 40),
    Table("points", "player", "score", "how many points each player has", WORDS[10].examples, 1, 30),
    Table("votes", "candidate", "ballots", "how many votes each candidate got", WORDS[0].examples, 2, 60),
    Table("prices", "dish", "price", "what each dish costs", WORDS[6].examples, 4, 25),
    Table("visitors", "city", "guests", "how many visitors each city had", WORDS[1].examples, 10, 90),
    Table("loans", "title", "days", "for how many days each book is lent", WORDS[7].examples, 1, 28),
    Table("sightings", "bird", "times", "how often each bird was seen", WORDS[12].examples, 1, 20),
    Table("minutes", "station", "wait", "how many minutes the tram waits at each station", WORDS[11].examples, 1, 9),
    Table("rents", "tool", "fee", "what it costs to rent each tool", WORDS[4].examples, 3, 35),
    Table("harvest", "plant", "weight", "how much each plant gave", WORDS[8].examples, 1, 50),
)

PEOPLE = (
    "Amira", "Ben", "Chloe", "Diego", "Esther", "Felix", "Grace", "Hugo", "Iris", "Jonas", "Kim", "Leo", "Maya", "Noah",
    "Olga", "Paul", "Rosa", "Sam", "Tara", "Viktor",
)  # fmt: skip

SENTENCES = (
    "the early bird catches the worm",
    "rain is expected in the north today",
    "please return all books by friday",
    "a small boat crossed the quiet lake",
    "our train leaves from track nine",
    "fresh bread smells best at dawn",
    "the museum opens at ten",
    "never mix the red paint with the green",
    "two cats sleep on the warm roof",
    "bring a map and a good pair of shoes",
    "the old clock stopped at noon",
    "green tea helps on a long evening",
    "every garden needs a little patience",
    "the last bus was late again",
    "coffee first and meetings later",
    "water the plants on monday",
)


class Backdrop:
    """A random choice of everything a section may be about; equal generators give equal backdrops."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.numbers = random.choice(NUMBERS)
        self.words = random.choice(WORDS)
        self.table = random.choice([table for table in TABLES if not _clashes(table, self.numbers, self.words)])
        self.person, self.friend = random.sample(PEOPLE, 2)

    def holes(self) -> dict[str, str]:
        """Return a text for every hole: the same things each time, with new numbers."""
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
    """Return a value as source text with double quotes; the value must contain no quotes."""
    return repr(value).replace("'", '"')


def _clashes(table: Table, numbers: Numbers, words: Words) -> bool:
    """Return whether one name would mean two things in the same program."""
    taken = {numbers.plural, numbers.singular, words.plural, words.singular}
    return bool(taken & {table.name, table.key, table.amount})
