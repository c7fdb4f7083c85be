"""The value types that operations connect, with their annotations, names and test inputs.

No name is used twice among parameters, arguments, loop variables and results, so rendered programs do not shadow names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Any

_WORD_LIST = """
apple banana cherry river stone level radar tiger lemon grape olive bread house mouse green amber Anna Otto Paris Rome
noon echo delta night light ocean plum kiwi fig sun moon star cat dog bee ant owl egg ice oak elm Bob Eve ab
"""
_WORDS = _WORD_LIST.split()
_KEYS = (
    "apple",
    "pear",
    "plum",
    "fig",
    "kiwi",
    "ann",
    "bob",
    "eve",
    "tom",
    "red",
    "blue",
    "green",
    "cat",
    "dog",
    "owl",
)


@dataclass(frozen=True)
class ValueType:
    """A value type."""

    name: str
    """The name in a composition's key, such as ``integers``."""
    annotation: str
    described: tuple[str, ...]
    """Noun phrases such as ``a list of integers``."""
    parameters: tuple[str, ...]
    """Names for a function parameter of this type; empty if exercises never have it as input."""
    elements: tuple[str, ...]
    """Names for the loop variable when iterating over such a value; empty if exercises never do."""
    draw: Callable[[Random], Any]
    """Returns a random value for a test."""
    edges: tuple[Any, ...] = ()
    """Edge cases, which tests try first."""
    classes: tuple[str, ...] = ()
    """Names for a class that stores such a value; empty if the type is not used with methods."""
    stored: str = "$v"
    """The value stored in the object's attribute, as an expression of ``$v``, the argument of its ``__init__``."""
    methods_only: bool = False
    """Whether the value is an object's state, which only methods access."""


def _integer(random: Random) -> int:
    return random.randrange(2, random.choice((13, 13, 100, 1000)))


def _integers(random: Random) -> list[int]:
    low = random.choice((-9, 0, 1))
    values = [random.randrange(low, 21) for _ in range(random.randrange(3, 8))]
    if random.random() < 0.5:
        values.append(random.choice(values))
    return values


def _words(random: Random) -> list[str]:
    words = random.sample(_WORDS, random.randrange(3, 7))
    if random.random() < 0.5:
        words.append(random.choice(words))
    return words


def _text(random: Random) -> str:
    words = random.sample(_WORDS, random.randrange(1, 5))
    text = " ".join(words)
    if random.random() < 0.3:
        text += random.choice((" 7", " 42", "!", "?", " x9"))
    return text.upper() if random.random() < 0.1 else text


def _counts(random: Random) -> dict[str, int]:
    keys = random.sample(_KEYS, random.randrange(2, 6))
    return dict(zip(keys, random.sample(range(1, 21), len(keys)), strict=True))


def _integer_set(random: Random) -> set[int]:
    return set(random.sample(range(1, 21), random.randrange(2, 7)))


def _pairs(random: Random) -> list[tuple[str, int]]:
    names = [random.choice(_KEYS) for _ in range(random.randrange(2, 6))]
    return list(zip(names, random.sample(range(1, 21), len(names)), strict=True))


def _pair(random: Random) -> tuple[int, int]:
    return random.randrange(1, 21), random.randrange(1, 21)


def _grid(random: Random) -> list[list[int]]:
    side = random.randrange(2, 4)
    return [[random.randrange(0, 13) for _ in range(side)] for _ in range(side)]


def _groups(random: Random) -> dict[str, list[str]]:
    keys = random.sample(_KEYS, random.randrange(2, 5))
    return {key: random.sample(_WORDS, random.randrange(1, 5)) for key in keys}


def _number_list(random: Random) -> str:
    return ",".join(str(random.randrange(0, 31)) for _ in range(random.randrange(3, 8)))


def _settings_text(random: Random) -> str:
    return ";".join(f"{key}={value}" for key, value in _counts(random).items())


def _score_lines(random: Random) -> str:
    return "\n".join(f"{name}:{score}" for name, score in _pairs(random))


def _brackets(random: Random) -> str:
    pieces = ("(a)", "((b))", "(", ")", "a", "(a(b)c)", "()", "(())")
    return "".join(random.choice(pieces) for _ in range(random.randrange(2, 6)))


def _ratio(random: Random) -> float:
    return random.randrange(1, 160) / 8


def _truth(random: Random) -> bool:
    return random.random() < 0.5


_TYPES = (
    ValueType("integer", "int", ("an integer", "a whole number"), ("n", "number", "num"), (), _integer, (1, 0)),
    ValueType("ratio", "float", ("a float", "a decimal number"), ("ratio", "price"), (), _ratio, (0.5,)),
    ValueType("truth", "bool", ("a flag",), (), (), _truth),
    ValueType(
        "text",
        "str",
        ("a string", "a text"),
        ("text", "sentence", "message"),
        ("c",),
        _text,
        ("", "a", "Level"),
        ("Note", "Message"),
    ),
    ValueType(
        "integers",
        "list[int]",
        ("a list of integers", "a list of numbers"),
        ("numbers", "values", "nums"),
        ("x",),
        _integers,
        ([], [4], [3, 3]),
        ("Series", "Scores"),
    ),
    ValueType(
        "words",
        "list[str]",
        ("a list of words", "a list of strings"),
        ("words", "names", "terms"),
        ("w",),
        _words,
        ([], ["fig"]),
        ("Glossary", "Roster"),
    ),
    ValueType(
        "counts",
        "dict[str, int]",
        ("a dictionary of counts", "a mapping from names to numbers"),
        ("counts", "scores", "stock"),
        (),
        _counts,
        ({}, {"fig": 3}),
        ("Inventory", "Ledger"),
    ),
    ValueType("labels", "dict[int, str]", ("a mapping from numbers to names",), (), (), lambda random: {}),
    ValueType("groups", "dict[str, list[str]]", ("a dictionary of lists",), ("groups", "teams"), (), _groups, ({},)),
    ValueType("integer_set", "set[int]", ("a set of integers",), ("members", "ids"), ("x",), _integer_set, (set(),)),
    ValueType(
        "pair", "tuple[int, int]", ("a pair of integers", "a tuple of two integers"), ("pair", "point"), (), _pair
    ),
    ValueType(
        "pairs",
        "list[tuple[str, int]]",
        ("a list of pairs", "a list of name and score pairs"),
        ("pairs", "records", "entries"),
        (),
        _pairs,
        ([], [("ann", 3)]),
    ),
    ValueType(
        "grid",
        "list[list[int]]",
        ("a grid of integers", "a list of rows"),
        ("grid", "matrix", "table"),
        (),
        _grid,
        ([[5]],),
    ),
    ValueType(
        "stack", "list[int]", ("a stack",), ("items",), (), _integers, ([], [4]), ("Stack", "Pile"), "list($v)", True
    ),
    ValueType("account", "int", ("an account",), ("balance",), (), _integer, (0,), ("Account", "Purse"), "$v", True),
    ValueType(
        "tally", "dict[str, int]", ("a tally",), ("counts",), (), _counts, ({},), ("Tally", "Counter"), "dict($v)", True
    ),
    ValueType("number_list", "str", ("a text such as '3,1,2'",), ("csv", "listing"), (), _number_list, ("7",)),
    ValueType("settings_text", "str", ("a text such as 'a=1;b=2'",), ("config", "query"), (), _settings_text, ("a=1",)),
    ValueType("score_lines", "str", ("lines such as 'ann:3'",), ("report", "block"), (), _score_lines, ("ann:3",)),
    ValueType(
        "brackets", "str", ("a text with brackets",), ("source", "formula", "snippet"), ("c",), _brackets, ("", "(")
    ),
)

TYPES: MappingProxyType[str, ValueType] = MappingProxyType({kind.name: kind for kind in _TYPES})
"""All value types by name."""
