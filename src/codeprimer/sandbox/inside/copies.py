"""Giving the tests' own containers the content that a call has left in their copies."""

from __future__ import annotations

import collections
from typing import Any

_LISTS = (list, bytearray, collections.deque)
_DICTS = (dict, collections.OrderedDict, collections.Counter, collections.defaultdict)


def take_over(old: Any, new: Any) -> None:
    """Give a container the content of another one, in place and as deep as their shapes agree."""
    kind = type(old)
    if kind is not type(new):
        return
    if kind in _LISTS:
        merged = [_kept(a, b) for a, b in zip(old, new, strict=False)]
        merged += list(new)[len(merged) :]
        old.clear()
        old.extend(merged)
    elif kind in _DICTS:
        content = {key: _kept(old[key], value) if key in old else value for key, value in new.items()}
        old.clear()
        old.update(content)
    elif kind is set:
        old.clear()
        old.update(new)
    elif kind is tuple and len(old) == len(new):
        for first, second in zip(old, new, strict=True):
            take_over(first, second)


def _kept(old: Any, new: Any) -> Any:
    """Return the old object with the new content where it can have it, else the new one."""
    if type(old) is type(new) and type(old) in (*_LISTS, *_DICTS, set):
        take_over(old, new)
        return old
    return new
