"""A filter: files with few lines go."""

from pydantic import Field

from codeprimer.api import File, Filter, PluginSettings


class ShortSettings(PluginSettings):
    """How short is too short."""

    min_lines: int = Field(default=10, ge=1, description="Files with fewer lines are dropped.")


class ShortFilter(Filter):
    """Drops short files; the reason in the table ``dropped`` is the kind, ``short``."""

    Settings = ShortSettings

    def check(self, file: File) -> str | None:
        """Return the detail if the file must go, else None."""
        lines = file.text.count("\n")
        return f"{lines} lines" if lines < self.settings.min_lines else None
