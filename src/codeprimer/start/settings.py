"""The settings of the start stage."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from codeprimer.core.settings import NOT_IN_ID, Settings


class StartSettings(Settings):
    """The model that training starts from, together with its tokenizer."""

    path: Path = Field(
        json_schema_extra=NOT_IN_ID,
        description="Folder with a Phi checkpoint and its tokenizer.json, as written by `codeprimer import-model`; relative "
        "to the recipe.",
    )
