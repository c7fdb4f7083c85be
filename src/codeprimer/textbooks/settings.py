"""The ``textbooks`` section of a recipe."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from codeprimer.core.plugins import PluginSettings, Role, selected
from codeprimer.core.settings import Settings
from codeprimer.curriculum.audiences import AUDIENCES


class TextbooksSettings(Settings):
    """Settings for the number of sections, their audiences and their lengths."""

    author: Annotated[PluginSettings, Role("author", "offline")] = Field(
        default_factory=partial(selected, "author", "offline"),
        description="The author: offline, endpoint (queries the model in the `teacher` section), or a plug-in.",
    )
    sections: int = Field(default=1_500, ge=1, description="Number of sections, spread evenly over the concepts.")
    audiences: tuple[str, ...] = Field(
        default=AUDIENCES, min_length=1, description="Audiences, used in turn; any subset of the default."
    )
    min_words: int = Field(default=150, ge=20, description="Minimum length of a section [words and code tokens].")
    max_words: int = Field(default=450, ge=50, description="Maximum length of a section [words and code tokens].")
    attempts: int = Field(default=10, ge=1, le=50, description="Maximum attempts per section, including the first.")

    @field_validator("audiences")
    @classmethod
    def _known_and_distinct(cls, audiences: tuple[str, ...]) -> tuple[str, ...]:
        for audience in audiences:
            if audience not in AUDIENCES:
                raise ValueError(f"{audience!r} is not an audience; known: {', '.join(AUDIENCES)}")
        if len(dict.fromkeys(audiences)) < len(audiences):
            raise ValueError("an audience is listed twice")
        return audiences

    @model_validator(mode="after")
    def _room_between_the_limits(self) -> TextbooksSettings:
        if self.min_words >= self.max_words:
            raise ValueError(f"min_words ({self.min_words}) must be below max_words ({self.max_words})")
        return self
