"""Numbers as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def percent(value: float) -> str:
    """Return a share as a percentage with one decimal."""
    return f"{100 * value:.1f} %"


def megabytes(size: int) -> str:
    """Return bytes as megabytes."""
    return f"{size / 1e6:.1f} MB"


def number(value: float) -> str:
    """Return a number with separators; fractions with three digits that matter."""
    if isinstance(value, int) or (float(value).is_integer() and abs(value) >= 1):
        return f"{int(value):,}"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:,.1f}"


def duration(seconds: float) -> str:
    """Return seconds for people."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


def size(amount: float) -> str:
    """Return bytes for people, in the unit that suits them."""
    return megabytes(round(amount)) if amount < 1e9 else f"{amount / 1e9:,.1f} GB"


def named_counts(counts: Mapping[str, int], most: int = 8) -> str:
    """Return the first counts as a list in words."""
    shown = [f"{name} {count:,}" for name, count in list(counts.items())[:most]]
    return ", ".join(shown) + (f" and {len(counts) - most:,} more" if len(counts) > most else "")


def seconds_at_work(costs: Iterable[Mapping[str, Any]]) -> float:
    """Return how long at least one step was at work [s]; steps side by side count once."""
    total, until = 0.0, 0.0
    for start, end in sorted((cost["ended"] - cost["seconds"], cost["ended"]) for cost in costs if "ended" in cost):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total
