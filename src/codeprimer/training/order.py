"""Share the sequences of a phase among training sets.

Reads weights, writes nothing. Its one idea: the number of sequences that each set has given after n sequences is a pure
function of n (Webster's apportionment), so any step can be found without the steps before it, and after every sequence
the shares are as close to the weights as whole numbers allow.
"""

from __future__ import annotations

from collections.abc import Mapping


def apportion(weights: Mapping[str, float], sequences: int) -> dict[str, int]:
    """Return how many of the first ``sequences`` each set gives; never fewer than for fewer sequences.

    The k-th sequence of a set with share w is due at (k - 1/2) / w; ties go to the first name.
    """
    total = sum(weights.values())
    shares = {name: weights[name] / total for name in sorted(weights)}
    # Webster's method stays within a few seats of the exact share; the rest are given one by one.
    counts = {name: max(0, int(share * sequences) - len(shares)) for name, share in shares.items()}
    while sum(counts.values()) < sequences:
        due = min(shares, key=lambda name: (counts[name] + 0.5) / shares[name])
        counts[due] += 1
    return counts


def step_ranges(weights: Mapping[str, float], step: int, batch_sequences: int) -> dict[str, range]:
    """Return which of each set's sequences (numbered from the phase's start) make up step ``step``."""
    before = apportion(weights, step * batch_sequences)
    after = apportion(weights, (step + 1) * batch_sequences)
    return {name: range(before[name], after[name]) for name in after}
