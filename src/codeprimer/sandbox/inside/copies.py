"""Replaces a container's content in place."""

from __future__ import annotations

import collections
from typing import Any

_LISTS = (list, bytearray, collections.deque)


def take_over(old: Any, new: Any) -> None:
    """Replace a container's content, in place, with the content of another container of the same type."""
    content = new.copy()  # ``new`` may contain ``old`` or be contained in it
    old.clear()
    if type(old) in _LISTS:
        old.extend(content)
        return
    old.update(content)
    if type(old) is collections.defaultdict:
        old.default_factory = new.default_factory
