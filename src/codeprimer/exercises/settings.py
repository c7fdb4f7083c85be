"""What a recipe says about exercises."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from pydantic import Field

from codeprimer.core.plugins import PluginSettings, Role, selected
from codeprimer.core.settings import NOT_IN_ID, Settings


class ExercisesSettings(Settings):
    """How many exercises are written, and by whom."""

    author: Annotated[PluginSettings, Role("author")] = Field(
        default_factory=partial(selected, "author", "offline"),
        description="Who writes: offline, endpoint (the section teacher), or a plug-in.",
    )
    count: int = Field(
        default=20_000, ge=1, description="Exercises that pass every check; more are written until then."
    )
    seconds: float = Field(default=3.0, gt=0, le=60, description="Processor time that one solution may take [s].")
    unit_exercises: int = Field(
        default=500, ge=1, le=100_000, description="Blueprints per unit of work; each has a seed of its own."
    )
    rounds: int = Field(
        default=20, ge=1, json_schema_extra=NOT_IN_ID, description="How often more is asked for before giving up."
    )
