"""Drops data tables: files that are nearly all literal values."""

from __future__ import annotations

from pydantic import Field

from codeprimer.analysis.python_source import literal_share
from codeprimer.core.plugins import PluginSettings
from codeprimer.corpus.filter import File, Filter


class DataOnlySettings(PluginSettings):
    """Which files are treated as data tables."""

    max_literal_share: float = Field(
        default=0.9, gt=0, le=1, description="Maximum fraction of code lines that are literal values (0-1)."
    )


class DataOnlyFilter(Filter):
    """Drops data tables."""

    Settings = DataOnlySettings
    settings: DataOnlySettings
    needs_tree = True

    def check(self, file: File) -> str | None:
        """Return the fraction of literal lines if it exceeds the limit."""
        share = literal_share(file.tree)
        return f"{share:.0%} of its lines are literal values" if share > self.settings.max_literal_share else None
