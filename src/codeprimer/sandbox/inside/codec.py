"""Encodes values as JSON text, and decodes them: exact built-in types only, never pickle.

The receiver builds every value from plain text with constructors of its own choice, so no object from the other side,
with its own methods, ever takes part in a comparison. Instances of subclasses, lazy iterators, functions and classes
cannot be encoded; the error says so.

``None``, booleans, strings, floats (finite or not) and small integers are encoded as themselves; every other value is
encoded as a list that starts with its type's name. An object of the program's own classes stays in its process and is encoded
as a number.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import json
from collections.abc import Callable, Iterator
from typing import Any

from .copies import take_over

MAX_DEPTH = 80
"""Maximum nesting depth of containers; this limit also catches cycles."""

MAX_VALUES = 1_000_000
"""Maximum number of values in one message, including those inside containers."""

_PLAIN_BITS = 64
"""Longer integers are written in hexadecimal: Python's decimal conversion is slow, and limited in length."""

_SCALARS = frozenset({float, bool, type(None)})
_PLAIN = frozenset({*_SCALARS, int, str})
_LAZY = ("generator", "map", "filter", "zip", "enumerate", "reversed", "islice", "chain", "range_iterator")


_NO_INDENT, _SORTED, _SKIPPING, _NOT_A_NUMBER = None, False, False, True
_chunks = json.encoder.c_make_encoder(  # type: ignore[attr-defined]
    *(None, lambda value: value, json.encoder.encode_basestring_ascii),
    *(_NO_INDENT, ":", ",", _SORTED, _SKIPPING, _NOT_A_NUMBER),
)
_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
# The C parts of json.dumps and json.loads, created once: the Python code around them would touch many memory pages
# in a fresh process.


def to_text(content: object) -> str:
    """Return JSON without spaces."""
    return "".join(_chunks(content, 0))


def from_text(text: str) -> Any:
    """Return the value of JSON text without surrounding whitespace. Raises ValueError."""
    try:
        content, end = _scan(text, 0)
    except StopIteration:
        raise ValueError("not JSON") from None
    if end != len(text):
        raise ValueError("text after the JSON value")
    return content


class CodecError(Exception):
    """A value cannot be encoded or decoded; the message is a clause with the value as its subject."""


Keep = Callable[[Any], int | None]
"""Returns the number of an object of the program's own classes, or None for any other object."""

Find = Callable[[int], Any]
"""Returns the stand-in for the object with the given number. Raises LookupError."""


def _keep_none(value: Any) -> None:
    return None


def _find_none(number: int) -> Any:
    raise LookupError


def encode(value: object, keep: Keep = _keep_none) -> str:
    """Return a value as ASCII JSON text. Raises CodecError if it cannot be encoded."""
    return to_text(_Encoder(keep).encode(value, 0))


def encode_arguments(values: tuple[Any, ...], keep: Keep = _keep_none) -> tuple[str, list[Any]]:
    """Return arguments as text, and their mutable containers, in the order in which they end in the text."""
    encoder = _Encoder(keep)
    return to_text(encoder.encode(values, 0)), encoder.mutables


def decode_arguments(text: str, find: Find = _find_none) -> tuple[Any, list[Any]]:
    """Return arguments, and their mutable containers in the same order. Raises CodecError."""
    decoder = _Decoder(find)
    return _guarded(decoder, _parsed(text)), decoder.built


def encode_answer(value: object, mutables: list[Any], keep: Keep = _keep_none) -> str:
    """Return an answer as text, with references to the containers that were passed in. Raises CodecError."""
    return to_text(_Encoder(keep, _places(mutables)).encode(value, 0))


def _places(mutables: list[Any]) -> dict[int, int]:
    return {id(one): place for place, one in enumerate(mutables)}


def encode_changes(arguments: str, values: tuple[Any, ...], mutables: list[Any], keep: Keep = _keep_none) -> str:
    """Return the content of ``mutables`` after a call, as text, or ``null`` if nothing in ``values`` has changed.

    Containers are referred to by index, so that each stays a single object even if it has moved.
    """
    now = _Encoder(keep)
    if to_text(now.encode(values, 0)) == arguments and list(map(id, now.mutables)) == list(map(id, mutables)):
        return "null"
    return to_text(_Encoder(keep, _places(mutables)).contents(mutables))


def apply_changes(content: Any, mutables: list[Any], find: Find = _find_none) -> None:
    """Update each of the caller's own ``mutables`` to the content of its copy after a call. Raises CodecError."""
    if type(content) is not list or len(content) != len(mutables):
        raise CodecError("is malformed (the number of containers differs from the number passed)")
    decoder = _Decoder(find, mutables)
    copies = [_guarded(decoder, one) for one in content]
    for old, new in zip(mutables, copies, strict=True):
        if type(old) is not type(new):
            raise CodecError("is malformed (a container's type differs from the one passed)")
    decoder.weigh(content)
    for old, new in zip(mutables, copies, strict=True):
        take_over(old, new)


def decode(text: str | bytes, find: Find = _find_none) -> Any:
    """Return the value that a text encodes. Raises CodecError if the text is malformed."""
    return build(_parsed(text), find)


def _parsed(text: str | bytes) -> Any:
    try:
        return from_text(text if isinstance(text, str) else text.decode())
    except (ValueError, RecursionError) as error:
        raise CodecError(f"is malformed ({type(error).__name__})") from None


def build(content: Any, find: Find = _find_none, mutables: list[Any] | None = None) -> Any:
    """Return the value that parsed JSON encodes; it can refer to ``mutables``. Raises CodecError if it is malformed."""
    return _guarded(_Decoder(find, mutables), content)


def _guarded(decoder: _Decoder, content: Any) -> Any:
    try:
        return decoder.decode(content, 0)
    except CodecError:
        raise
    except RecursionError:
        raise CodecError("is nested too deeply") from None
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise CodecError(f"is malformed ({type(error).__name__})") from None


class _Counter:
    """Counts the values of one message."""

    def __init__(self) -> None:
        self._left = MAX_VALUES
        self._weights: list[int] = []

    def keep_weight(self, before: int) -> None:
        """Record the number of values in a complete container; they are counted again each time it occurs.

        Otherwise a short message could encode a value too large for memory.
        """
        self._weights.append(before - self._left)

    def count(self, depth: int, values: int) -> None:
        """Raise CodecError if there are too many values, or if they are nested too deeply."""
        self._left -= values
        if depth > MAX_DEPTH:
            raise CodecError(f"is nested more than {MAX_DEPTH} levels deep, or contains itself")
        if self._left < 0:
            raise CodecError(f"holds more than {MAX_VALUES:,} values")


class _Encoder(_Counter):
    def __init__(self, keep: Keep, old: dict[int, int] | None = None) -> None:
        """``old`` maps the id of each container that is to be encoded as a reference to the container's index."""
        super().__init__()
        self._keep = keep
        self._seen: dict[int, int] = {}
        self._old = old
        self.mutables: list[Any] = []

    def contents(self, containers: list[Any]) -> list[object]:
        """Return the content of each container; a container inside another one is encoded as a reference."""
        return [self._container(one, type(one), 0) for one in containers]

    def encode(self, value: Any, depth: int) -> object:
        kind = type(value)
        if kind in _SCALARS:
            return value
        if kind is int:
            return value if value.bit_length() <= _PLAIN_BITS else ["int", hex(value)]
        if kind is str:
            return value if value.isascii() else _text_of(value)
        if kind not in _MUTABLE:
            return self._container(value, kind, depth)
        if self._old is not None and (place := self._old.get(id(value))) is not None:
            return [OLD, place]
        if id(value) in self._seen:
            number = self._seen[id(value)]
            self.count(depth, self._weights[number])
            return [SAME, number]
        before = self._left
        content = self._container(value, kind, depth)
        self._seen[id(value)] = len(self._seen)
        self.mutables.append(value)
        self.keep_weight(before)
        return content

    def _container(self, value: Any, kind: type, depth: int) -> list[object]:
        self.count(depth, 1)
        if kind in _SEQUENCES:
            name, parts = _SEQUENCES[kind], list(value)
        elif kind not in _KNOWN and (number := self._keep(value)) is not None:
            return ["object", number]
        else:
            name, parts = _taken_apart(value, kind)
        self.count(depth + 1, len(parts))
        return [name, *[part if type(part) in _SCALARS else self.encode(part, depth + 1) for part in parts]]


def _text_of(value: str) -> object:
    """Encode a string; a string with surrogates is encoded as bytes, because JSON would join surrogate pairs."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return ["str", value.encode("utf-8", "surrogatepass").hex()]
    return value


def _taken_apart(value: Any, kind: type) -> tuple[str, list[object]]:
    """Return the type name and the parts of a value that is not a sequence; ``_BUILD`` is the inverse."""
    if kind in _MAPPINGS:
        return _MAPPINGS[kind], _flat(value)
    if kind in _PARTS:
        name, parts = _PARTS[kind]
        return name, parts(value)
    raise CodecError(_reason(kind))


def _reason(kind: type) -> str:
    name = type.__getattribute__(kind, "__name__")
    if name in _LAZY:
        return f"is a lazy iterator ({name}), which has no value to compare; return a list"
    if issubclass(kind, type):
        return "is a class, and classes cannot be passed between a program and its tests"
    return f"is of type {name}, which cannot be passed between a program and its tests"


def _flat(value: Any) -> list[object]:
    return [part for pair in dict.items(value) for part in pair]


_FACTORIES = {kind.__name__: kind for kind in (int, float, str, bool, list, tuple, dict, set)}


def _factory(value: Any) -> str | None:
    """Return the name of a defaultdict's factory, or None if it cannot be encoded."""
    factory = value.default_factory
    return next((name for name, kind in _FACTORIES.items() if kind is factory), None)


def _pairs(parts: list[Any]) -> Iterator[tuple[Any, Any]]:
    if len(parts) % 2:
        raise CodecError("is malformed (a key without a value)")
    return zip(parts[::2], parts[1::2], strict=True)


_SEQUENCES: dict[type, str] = {list: "list", tuple: "tuple", set: "set", frozenset: "frozenset"}
_MAPPINGS: dict[type, str] = {
    dict: "dict",
    collections.OrderedDict: "OrderedDict",
    collections.Counter: "Counter",
}
_DATE = ("year", "month", "day")
_TIME = ("hour", "minute", "second", "microsecond")


def _fields(value: object, names: tuple[str, ...]) -> list[object]:
    if getattr(value, "tzinfo", None) is not None:
        raise CodecError("has a time zone, which cannot be passed between a program and its tests")
    return [getattr(value, name) for name in names]


_PARTS: dict[type, tuple[str, Callable[[Any], list[object]]]] = {
    bytes: ("bytes", lambda value: [value.hex()]),
    bytearray: ("bytearray", lambda value: [value.hex()]),
    complex: ("complex", lambda value: [value.real, value.imag]),
    range: ("range", lambda value: [value.start, value.stop, value.step]),
    collections.deque: ("deque", lambda value: [value.maxlen, *value]),
    collections.defaultdict: ("defaultdict", lambda value: [_factory(value), *_flat(value)]),
    decimal.Decimal: ("Decimal", lambda value: [str(value)]),
    fractions.Fraction: ("Fraction", lambda value: [value.numerator, value.denominator]),
    datetime.date: ("date", lambda value: _fields(value, _DATE)),
    datetime.time: ("time", lambda value: _fields(value, _TIME)),
    datetime.datetime: ("datetime", lambda value: _fields(value, _DATE + _TIME)),
    datetime.timedelta: ("timedelta", lambda value: [value.days, value.seconds, value.microseconds]),
}

_MUTABLE = frozenset(
    {
        list,
        set,
        bytearray,
        dict,
        collections.deque,
        collections.OrderedDict,
        collections.Counter,
        collections.defaultdict,
    }
)
"""Containers that are encoded once and referred to when they occur again, so that each stays a single object."""

_NAMES_OF_MUTABLE = frozenset(kind.__name__ for kind in _MUTABLE)

SAME, OLD = "same", "old"
"""References: to a container that occurred earlier in this message; to a container that was passed in."""

_KNOWN = frozenset({*_SEQUENCES, *_MAPPINGS, *_PARTS})

_BUILD: dict[str, Callable[[list[Any]], object]] = {
    "str": lambda parts: bytes.fromhex(_text(parts)).decode("utf-8", "surrogatepass"),
    "int": lambda parts: int(_text(parts), 16),
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "dict": lambda parts: dict(_pairs(parts)),
    "OrderedDict": lambda parts: collections.OrderedDict(_pairs(parts)),
    "Counter": lambda parts: collections.Counter(dict(_pairs(parts))),
    "defaultdict": lambda parts: collections.defaultdict(_FACTORIES.get(parts[0]), dict(_pairs(parts[1:]))),
    "bytes": lambda parts: bytes.fromhex(_text(parts)),
    "bytearray": lambda parts: bytearray.fromhex(_text(parts)),
    "complex": lambda parts: complex(*parts),
    "range": lambda parts: range(*parts),
    "deque": lambda parts: collections.deque(parts[1:], parts[0]),
    "Decimal": lambda parts: decimal.Decimal(_text(parts)),
    "Fraction": lambda parts: fractions.Fraction(*parts),
    "date": lambda parts: datetime.date(*parts),
    "time": lambda parts: datetime.time(*parts),
    "datetime": lambda parts: datetime.datetime(*parts),
    "timedelta": lambda parts: datetime.timedelta(*parts),
}


def _text(parts: list[Any]) -> str:
    [text] = parts
    if type(text) is not str:
        raise CodecError("is malformed (text was expected)")
    return text


def _place(parts: list[Any]) -> int:
    [place] = parts
    if type(place) is not int or place < 0:
        raise CodecError("is malformed (an index was expected)")
    return place


class _Decoder(_Counter):
    def __init__(self, find: Find, old: list[Any] | None = None) -> None:
        """``old`` holds the containers that can be referred to by index."""
        super().__init__()
        self._find = find
        self._old = old
        self.built: list[object] = []

    def weigh(self, contents: list[Any]) -> None:
        """Raise CodecError if containers that refer to each other hold too many values in total, or contain themselves.

        Each can be short while all of them together encode a value too large for memory.
        """
        weights: list[int | None] = [None] * len(contents)
        pending: set[int] = set()

        def weight(place: int) -> int:
            if (known := weights[place]) is not None:
                return known
            if place in pending or len(pending) > MAX_DEPTH:
                raise CodecError(f"is nested more than {MAX_DEPTH} levels deep, or contains itself")
            pending.add(place)
            total = within(contents[place])
            pending.remove(place)
            if total > MAX_VALUES:
                raise CodecError(f"holds more than {MAX_VALUES:,} values")
            weights[place] = total
            return total

        def within(content: Any) -> int:
            if type(content) is not list:
                return 1
            if content and content[0] == OLD:
                return weight(content[1])
            return 1 + sum(map(within, content))

        if sum(weight(place) for place in range(len(contents))) > MAX_VALUES:
            raise CodecError(f"holds more than {MAX_VALUES:,} values")

    def decode(self, content: Any, depth: int) -> Any:
        if type(content) is not list:
            if type(content) is dict:
                raise CodecError("is malformed (a JSON object)")
            return content
        name, *parts = content
        before = self._left
        self.count(depth, 1 + len(parts))
        if name == "object":
            [number] = parts
            return self._find(number)
        if name == SAME:
            place = _place(parts)
            self.count(depth, self._weights[place])
            return self.built[place]
        if name == OLD and self._old is not None:
            return self._old[_place(parts)]
        value = _BUILD[name]([part if type(part) in _PLAIN else self.decode(part, depth + 1) for part in parts])
        if name in _NAMES_OF_MUTABLE:
            self.built.append(value)
            self.keep_weight(before)
        return value
