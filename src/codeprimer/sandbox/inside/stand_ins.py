"""What stands in the tests for what the candidate has: its functions, its objects, their methods.

One idea: whatever the tests do with one of these is a call to another process, and nothing that the candidate's classes
define is ever asked for a comparison.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .candidate import CALL, GET, SET, SHOWN, TEXT


class Proxy:
    """Stands for a function of the candidate."""

    __slots__ = ("__name__", "_call")

    def __init__(self, name: str, call: Callable[..., Any]) -> None:
        self.__name__ = name
        self._call = call

    def __call__(self, /, *arguments: Any, **named: Any) -> Any:
        """Have the candidate call its function."""
        return self._call(self.__name__, list(arguments), named)


class Remote:
    """Stands for an object of one of the candidate's own classes, which stays with the candidate.

    Its methods and attributes can be asked for. It cannot be compared: the candidate's class would be the one to
    decide.
    """

    __slots__ = ("__call", "__refuse", "_number")

    def __init__(self, number: int, call: Callable[..., Any], refuse: Callable[[], Any]) -> None:
        object.__setattr__(self, "_number", number)
        object.__setattr__(self, "_Remote__call", call)
        object.__setattr__(self, "_Remote__refuse", refuse)

    def __getattr__(self, name: str) -> Any:
        value = self.__call(GET, [self, name], {})
        return Method(self, name, self.__call) if value is Method else value

    def __setattr__(self, name: str, value: Any) -> None:
        self.__call(SET, [self, name, value], {})

    def __str__(self) -> str:
        return str(self.__call(TEXT, [self], {}))

    def __repr__(self) -> str:
        return str(self.__call(SHOWN, [self], {}))

    def __decide(self, *_: Any) -> Any:
        return self.__refuse()

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __hash__ = __contains__ = __decide


class Method:
    """Stands for a method of such an object."""

    __slots__ = ("_call", "_name", "_owner")

    def __init__(self, owner: Remote, name: str, call: Callable[..., Any]) -> None:
        self._owner = owner
        self._name = name
        self._call = call

    def __call__(self, /, *arguments: Any, **named: Any) -> Any:
        """Have the candidate call its method."""
        return self._call(CALL, [self._owner, self._name, *arguments], named)


def number_of(value: Any) -> int | None:
    """Return the number of an object that stays with the candidate, None for anything else."""
    if type(value) is not Remote:
        return None
    number: int = object.__getattribute__(value, "_number")
    return number
