"""Distribute a phase's sequences over training sets.

Reads weights; writes nothing. Key idea: the number of sequences from each set among the first n is a pure function of n
(Webster's method of apportionment), so any step can be computed without the steps before it, and after every sequence the
counts are as close to the weights as integers allow.
"""

from __future__ import annotations

from collections.abc import Mapping


def apportion(weights: Mapping[str, float], sequences: int) -> dict[str, int]:
    """Return the number of sequences from each set among the first ``sequences``; monotone in ``sequences``.

    The k-th sequence of a set with fraction w is due at (k - 1/2) / w; ties go to the first name.
    """
    total = sum(weights.values())
    fractions = {name: weights[name] / total for name in sorted(weights)}
    # Webster's method stays within a few seats of the exact fraction; the remaining ones are assigned one by one.
    counts = {name: max(0, int(fraction * sequences) - len(fractions)) for name, fraction in fractions.items()}
    while sum(counts.values()) < sequences:
        due = min(fractions, key=lambda name: (counts[name] + 0.5) / fractions[name])
        counts[due] += 1
    return counts


def step_ranges(weights: Mapping[str, float], step: int, batch_sequences: int) -> dict[str, range]:
    """Return the sequences of each set, numbered from the phase's start, that make up step ``step``."""
    before = apportion(weights, step * batch_sequences)
    after = apportion(weights, (step + 1) * batch_sequences)
    return {name: range(before[name], after[name]) for name in after}
