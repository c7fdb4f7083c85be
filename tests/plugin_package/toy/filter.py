"""A filter that drops files with few lines."""

from pydantic import Field

from codeprimer.api import File, Filter, PluginSettings


class ShortSettings(PluginSettings):
    """Which files are too short."""

    min_lines: int = Field(default=10, ge=1, description="Files with fewer lines are dropped.")


class ShortFilter(Filter):
    """Drops short files; the reason in the ``dropped`` table is the filter's kind, ``short``."""

    Settings = ShortSettings

    def check(self, file: File) -> str | None:
        """Return a detail if the file must be dropped, otherwise None."""
        lines = file.text.count("\n")
        return f"{lines} lines" if lines < self.settings.min_lines else None
