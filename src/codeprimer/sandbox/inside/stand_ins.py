"""Stand-ins in the tests for the candidate's functions, its objects and their methods.

Every operation on a stand-in is a call to the candidate's process; code in the candidate's classes never decides a
comparison. Operations that cannot be forwarded are refused, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .candidate import CALL, GET, SET, SHOWN, TEXT

_OPERATORS = (
    *("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__bool__", "__hash__", "__contains__", "__len__"),
    *("__iter__", "__next__", "__getitem__", "__setitem__", "__delitem__", "__call__", "__enter__", "__exit__"),
    *("__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__", "__truediv__", "__rtruediv__", "__mod__"),
    *("__rmod__", "__neg__", "__abs__", "__int__", "__float__", "__index__", "__reduce_ex__", "__delattr__"),
)
"""Special methods that Python looks up on an object's class."""

_OWN = frozenset({"__class__", *_OPERATORS})

Refuse = Callable[[str], Any]
"""Ends the tests with a reason."""


def _refusing(kind: type, operators: tuple[str, ...], what: str) -> None:
    """Make a class refuse operators."""

    def refuse(self: Any, *_: Any, **__: Any) -> Any:
        return object.__getattribute__(self, f"_{kind.__name__}__refuse")(what)

    for name in operators:
        setattr(kind, name, refuse)


class Proxy:
    """Stands in for one of the candidate's functions; it is callable and has a name."""

    __slots__ = ("__call", "__name__", "__refuse")

    def __init__(self, name: str, call: Callable[..., Any], refuse: Refuse) -> None:
        self.__name__ = name
        self.__call = call
        self.__refuse = refuse

    def __call__(self, /, *arguments: Any, **named: Any) -> Any:
        """Call the candidate's function."""
        return self.__call(self.__name__, list(arguments), named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # libraries look for such attributes on any callable
        return self.__refuse(f"the tests use the attribute {name} of a function")


_refusing(
    Proxy,
    tuple(
        name
        for name in _OPERATORS
        if name not in ("__call__", "__hash__", "__reduce_ex__", "__bool__", "__eq__", "__ne__")
    ),
    "the tests use a function of the program as a value",
)
_refusing(Proxy, ("__eq__", "__ne__", "__bool__"), "the tests compare a function of the program")
Proxy.__hash__ = object.__hash__  # type: ignore[method-assign]


class Remote:
    # Stands for an object of one of the candidate's own classes, which stays in the candidate's process. Attributes and
    # methods are forwarded to it; hence no docstring, and no plain names here. It cannot be compared: the candidate's
    # class would decide the result.

    __slots__ = ("__call", "__number", "__refuse")

    def __init__(self, number: int, call: Callable[..., Any], refuse: Refuse) -> None:
        object.__setattr__(self, "_Remote__number", number)
        object.__setattr__(self, "_Remote__call", call)
        object.__setattr__(self, "_Remote__refuse", refuse)

    def __getattribute__(self, name: str) -> Any:
        if name in _OWN:
            return object.__getattribute__(self, name)  # isinstance reads the class; operators are refused here too
        call = object.__getattribute__(self, "_Remote__call")
        value = call(GET, [self, name], {})
        return Method(self, name, call) if value is Method else value

    def __setattr__(self, name: str, value: Any) -> None:
        object.__getattribute__(self, "_Remote__call")(SET, [self, name, value], {})

    def __str__(self) -> str:
        return str(object.__getattribute__(self, "_Remote__call")(TEXT, [self], {}))

    def __repr__(self) -> str:
        return str(object.__getattribute__(self, "_Remote__call")(SHOWN, [self], {}))


_refusing(
    Remote,
    _OPERATORS,
    "the tests compare an object of the program's own class, or apply an operator to it; its class would decide the result",
)


class Method:
    """Stands for a method of a remote object."""

    __slots__ = ("__call", "__name__", "__owner")

    def __init__(self, owner: Remote, name: str, call: Callable[..., Any]) -> None:
        self.__owner = owner
        self.__name__ = name
        self.__call = call

    def __call__(self, /, *arguments: Any, **named: Any) -> Any:
        """Call the candidate's method."""
        return self.__call(CALL, [self.__owner, self.__name__, *arguments], named)


def number_of(value: Any) -> int | None:
    """Return the number of a remote object, or None for anything else."""
    if type(value) is not Remote:
        return None
    number: int = object.__getattribute__(value, "_Remote__number")
    return number
