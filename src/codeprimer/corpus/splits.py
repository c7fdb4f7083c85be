"""Chooses the packages that are held out: whole packages of clean code on which no model is trained."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

_ENOUGH = 0.9
"""Stop adding packages at this fraction of the goal, because only smaller and smaller packages would fit from there on."""

_LARGEST = 0.5
"""No held-out package is larger than this fraction of the goal, so that no package dominates the results."""


def choose_heldout(package_bytes: Mapping[str, int], fraction: float) -> list[str]:
    """Return the sorted packages to hold out: about ``fraction`` of all bytes, chosen by a hash of the package names.

    If every package is too large, the smallest is held out. If there are fewer than three packages, none is held out.
    """
    goal = fraction * sum(package_bytes.values())
    if goal <= 0 or len(package_bytes) < 3:
        return []
    chosen = []
    total = 0
    for name in sorted(package_bytes, key=_order):
        size = package_bytes[name]
        if total < _ENOUGH * goal and size <= _LARGEST * goal and total + size <= goal:
            chosen.append(name)
            total += size
    return sorted(chosen) or [min(package_bytes, key=lambda name: (package_bytes[name], name))]


def _order(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=8).digest()
