"""Settings: strict, frozen models whose values decide the bytes of an artefact."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo

NOT_IN_ID: JsonDict = {"not_in_id": True}
"""Pass as ``Field(json_schema_extra=NOT_IN_ID)`` for a setting that does not affect an artefact's bytes: a path (the content
there is hashed instead), or how much of the machine to use."""

OMIT_DEFAULT_FROM_ID: JsonDict = {"omit_default_from_id": True}
"""Pass as ``Field(json_schema_extra=OMIT_DEFAULT_FROM_ID)`` for a setting that was added later and whose default changes
nothing: while the setting has its default, ids stay as they are."""


class Settings(BaseModel):
    """The base class of all settings: strict and frozen; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=())

    def identity(self) -> dict[str, Any]:
        """Return the settings that decide the bytes of an artefact, as JSON values."""
        dumped = self.model_dump(mode="json")
        return {
            name: _identity(getattr(self, name), dumped[name])
            for name, field in type(self).model_fields.items()
            if not _is_marked(field, NOT_IN_ID)
            and not (_is_marked(field, OMIT_DEFAULT_FROM_ID) and getattr(self, name) == field.default)
        }


def _is_marked(field: FieldInfo, mark: JsonDict) -> bool:
    return isinstance(field.json_schema_extra, dict) and mark.items() <= field.json_schema_extra.items()


def _identity(value: Any, dumped: Any) -> Any:
    if isinstance(value, Settings):
        return value.identity()
    if isinstance(value, dict):
        return {key: _identity(item, of) for (key, item), of in zip(value.items(), dumped.values(), strict=True)}
    if isinstance(value, tuple | list):
        return [_identity(item, dumped_item) for item, dumped_item in zip(value, dumped, strict=True)]
    return dumped
