"""Drops files without a permissive licence."""

from __future__ import annotations

from codeprimer.corpus.filter import File, Filter
from codeprimer.corpus.licenses import is_permissive


class LicenseFilter(Filter):
    """Drops files without a permissive licence."""

    def check(self, file: File) -> str | None:
        """Return the licence if it is not permissive, or a note if no licence was found; None for a permissive licence."""
        return None if is_permissive(file.license) else file.license or "no licence found"
