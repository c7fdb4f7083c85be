"""The common base class of the section and exercise tallies."""

from __future__ import annotations

from collections import Counter

import xxhash


class Tally:
    """Counts kept texts and rejected drafts; keeps a 64-bit hash per text in memory, never the text itself."""

    def __init__(self) -> None:
        self.kept = 0
        self.reasons: Counter[str] = Counter()
        self._seen: set[int] = set()

    def is_new(self, text: str) -> bool:
        """Return whether this is the first call with this text."""
        before = len(self._seen)
        self._seen.add(hashed(text))
        return len(self._seen) > before

    def reject(self, reason: str) -> None:
        """Count a rejected draft."""
        self.reasons[reason] += 1

    @property
    def rejected(self) -> int:
        """The number of rejected drafts."""
        return self.reasons.total()

    def main_reasons(self) -> str:
        """Return the three most common reasons for rejection in human-readable form."""
        return ", ".join(f"{reason} {count:,}" for reason, count in self.reasons.most_common(3)) or "none"


def hashed(text: str) -> int:
    """Return a 64-bit hash of a text."""
    return xxhash.xxh3_64_intdigest(text.encode())
