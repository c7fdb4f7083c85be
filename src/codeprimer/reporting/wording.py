"""Formats numbers for readers."""

from __future__ import annotations

from collections.abc import Mapping


def percent(value: float) -> str:
    """Format a fraction as a percentage with one decimal."""
    return f"{100 * value:.1f} %"


def megabytes(size: int) -> str:
    """Format a size [bytes] in megabytes."""
    return f"{size / 1e6:.1f} MB"


def number(value: float) -> str:
    """Format a number with thousands separators; a non-integer below 100 in magnitude gets three decimals, otherwise one."""
    if isinstance(value, int) or (float(value).is_integer() and abs(value) >= 1):
        return f"{int(value):,}"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:,.1f}"


def duration(seconds: float) -> str:
    """Format a duration [s] in seconds, minutes or hours, depending on its length."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


def size(amount: float) -> str:
    """Format a size [bytes] in megabytes or gigabytes, depending on its magnitude."""
    return megabytes(round(amount)) if amount < 1e9 else f"{amount / 1e9:,.1f} GB"


def named_counts(counts: Mapping[str, int], most: int = 8) -> str:
    """Format the largest counts as a comma-separated list, the largest first."""
    largest = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{name} {count:,}" for name, count in largest[:most])
    return shown + (f" and {len(counts) - most:,} more" if len(counts) > most else "")
