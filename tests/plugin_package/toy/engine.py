"""An engine that processes one unit after another in this process."""

from collections.abc import Callable, Generator, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import Field

from codeprimer.api import Console, Engine, PluginSettings, make_once


class SerialSettings(PluginSettings):
    """How often progress is shown."""

    every: int = Field(default=1, ge=1, description="Number of units after which progress is updated.")


class SerialEngine(Engine):
    """Runs every unit in the calling process."""

    Settings = SerialSettings

    def __init__(self, settings: SerialSettings, *, console: Console) -> None:
        super().__init__(settings)
        self._console = console

    def map(
        self, function: Callable[[Any, Path], None], units: Iterable[Any], work: Path, title: str
    ) -> Generator[Path, None, None]:
        """Call ``function(unit, folder)`` once per unit and yield the folders in order; finished folders are kept."""
        listed = list(units)
        work.mkdir(parents=True, exist_ok=True)
        with self._console.task(title, len(listed)) as task:
            for number, unit in enumerate(listed, 1):
                folder = work / f"{number - 1:05d}"
                make_once(folder, partial(function, unit))
                if number % self.settings.every == 0:
                    task.advance(self.settings.every)
                yield folder
