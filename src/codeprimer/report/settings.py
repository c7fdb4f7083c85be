"""Settings of the report."""

from __future__ import annotations

from pydantic import Field

from codeprimer.core.stage import Settings


class ReportSettings(Settings):
    """What the report shows."""

    title: str = Field(default="", max_length=80, description="Heading of the page; empty: the run's name.")
    examples: int = Field(default=4, ge=1, le=20, description="Examples shown per list in the report.")
