"""Drops minified code and packed data, recognised by long lines and little whitespace."""

from __future__ import annotations

from pydantic import Field

from codeprimer.core.plugins import PluginSettings
from codeprimer.corpus.filter import File, Filter

_SHORT = 1_000
"""Below this size [characters], the mean line length and the fraction of whitespace are not meaningful."""


class MinifiedSettings(PluginSettings):
    """Which files are treated as minified code or packed data."""

    max_line: int = Field(default=1_000, ge=80, description="Maximum length of a line [characters].")
    max_mean_line: float = Field(default=100.0, ge=20, description="Maximum mean length of the lines [characters].")
    min_space_share: float = Field(default=0.05, ge=0, le=1, description="Minimum fraction of whitespace (0-1).")


class MinifiedFilter(Filter):
    """Drops minified code and packed data."""

    Settings = MinifiedSettings
    settings: MinifiedSettings

    def check(self, file: File) -> str | None:
        """Return the first figure that is outside a limit, or None."""
        lines = file.text.split("\n")
        longest = max(map(len, lines))
        if longest > self.settings.max_line:
            return f"a line of {longest:,} characters"
        if len(file.text) < _SHORT:
            return None
        mean = len(file.text) / max(sum(1 for line in lines if line), 1)
        if mean > self.settings.max_mean_line:
            return f"lines of {mean:.0f} characters on average"
        spaces = sum(file.text.count(space) for space in " \n\t") / len(file.text)
        return f"{spaces:.1%} white space" if spaces < self.settings.min_space_share else None
