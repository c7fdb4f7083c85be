"""The ``exercises`` section of a recipe."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from pydantic import Field

from codeprimer.core.plugins import PluginSettings, Role, selected
from codeprimer.core.settings import NOT_IN_ID, Settings


class ExercisesSettings(Settings):
    """Settings for the number of exercises and their author."""

    author: Annotated[PluginSettings, Role("author", "offline")] = Field(
        default_factory=partial(selected, "author", "offline"),
        description="The author: offline, endpoint (queries the model in the `teacher` section), or a plug-in.",
    )
    count: int = Field(default=20_000, ge=1, description="Number of exercises that pass all checks.")
    seconds: float = Field(default=3.0, gt=0, le=60, description="CPU time limit for a solution [s].")
    unit_exercises: int = Field(
        default=500, ge=1, le=100_000, description="Number of exercises per unit of work; each unit has its own seed."
    )
    rounds: int = Field(
        default=20,
        ge=1,
        json_schema_extra=NOT_IN_ID,
        description="Maximum number of rounds of requests before the step fails.",
    )
