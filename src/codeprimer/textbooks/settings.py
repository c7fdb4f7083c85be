"""What a recipe says about textbooks."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from codeprimer.core.plugins import PluginSettings, Role, selected
from codeprimer.core.settings import Settings
from codeprimer.curriculum.audiences import AUDIENCES


class TextbooksSettings(Settings):
    """How many sections are written, for whom, and how long they may be."""

    author: Annotated[PluginSettings, Role("author")] = Field(
        default_factory=partial(selected, "author", "offline"),
        description="Who writes: offline, endpoint (the section teacher), or a plug-in.",
    )
    sections: int = Field(default=1_500, ge=1, description="Sections to keep, spread evenly over the concepts.")
    audiences: tuple[str, ...] = Field(
        default=AUDIENCES, min_length=1, description="Who they are written for, in turn; any of the default."
    )
    min_words: int = Field(default=150, ge=20, description="Shorter sections are rejected [words and code tokens].")
    max_words: int = Field(default=450, ge=50, description="Longer sections are rejected [words and code tokens].")
    attempts: int = Field(default=10, ge=1, le=50, description="How often a rejected section is written anew.")

    @field_validator("audiences")
    @classmethod
    def _known_and_distinct(cls, audiences: tuple[str, ...]) -> tuple[str, ...]:
        for audience in audiences:
            if audience not in AUDIENCES:
                raise ValueError(f"{audience!r} is no audience; known: {', '.join(AUDIENCES)}")
        if len(dict.fromkeys(audiences)) < len(audiences):
            raise ValueError("an audience is given twice")
        return audiences

    @model_validator(mode="after")
    def _room_between_the_limits(self) -> TextbooksSettings:
        if self.min_words >= self.max_words:
            raise ValueError(f"min_words ({self.min_words}) must be below max_words ({self.max_words})")
        return self
