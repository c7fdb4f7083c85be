"""The annotator that reads labels from a file.

The file holds JSON lines with ``doc_id``, ``points`` (0-5) and, optionally, ``why`` (a list of complaints) and ``said`` (a
reason). A document that has no line stays unlabelled; its label is never guessed.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from codeprimer.core.errors import SourceError
from codeprimer.core.plugins import PluginSettings
from codeprimer.core.settings import NOT_IN_ID
from codeprimer.quality.annotator import Annotator, Label, ShownDocument, Unlabelled

_log = logging.getLogger(__name__)


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid")

    doc_id: str = Field(pattern=r"^[0-9a-f]{64}$")
    points: float = Field(ge=0, le=5, strict=True)
    why: tuple[str, ...] = ()
    said: str | None = None
    package: Any = None
    split: Any = None
    label: Any = None
    annotator: Any = None
    request_id: Any = None
    """The other columns of an exported ``labels`` table; ignored, so that an exported table can be corrected by hand."""


class HumanSettings(PluginSettings):
    """Labels read from a file."""

    labels: Path = Field(
        json_schema_extra=NOT_IN_ID,
        description="A JSON Lines file with `doc_id`, `points` (0-5) and, optionally, `why` and `said`; relative to the "
        "recipe.",
    )


class HumanAnnotator(Annotator):
    """Reads labels that people wrote."""

    Settings = HumanSettings

    def __init__(self, settings: HumanSettings) -> None:
        super().__init__(settings)
        self._path = settings.labels

    @property
    def about(self) -> str:
        """Where the labels come from."""
        return "The labels come from people."

    def digest(self) -> str:
        """Return a digest of the file. Raises SourceError if it cannot be read."""
        return hashlib.sha256(self._content()).hexdigest()

    def label(self, documents: Iterable[ShownDocument]) -> Iterator[Label | Unlabelled]:
        """Yield each document's label. Raises SourceError if a line is invalid or no line matches any document."""
        lines = self._read()
        used = 0
        for document in documents:
            line = lines.get(document["doc_id"])
            used += line is not None
            if line is None:
                yield Unlabelled(document["doc_id"], "not_labelled", f"{self._path.name} has no line for it", ())
            else:
                yield Label(document["doc_id"], line.points, line.why, line.said)
        if not used:
            raise SourceError(
                f"{self._path}: none of its {len(lines):,} lines matches a sampled document; label the documents that "
                "`codeprimer export RUN quality/labels` exports from a run with a different annotator"
            )
        if used < len(lines):
            _log.warning("%s: lines that match no sampled document: %d", self._path, len(lines) - used)

    def _content(self) -> bytes:
        try:
            return self._path.read_bytes()
        except OSError as error:
            raise SourceError(
                f"{self._path}: cannot read labels ({error.strerror}); see quality.annotator.labels"
            ) from None

    def _read(self) -> dict[str, _Line]:
        lines: dict[str, _Line] = {}
        for number, content in enumerate(self._content().splitlines(), start=1):
            if not content.strip():
                continue
            try:
                line = _Line.model_validate_json(content)
            except ValidationError as error:
                first = error.errors(include_url=False, include_input=False)[0]
                key = ".".join(map(str, first["loc"]))
                where = f"{self._path}: line {number}"
                raise SourceError(f"{where}: {key + ': ' if key else ''}{first['msg']}; correct the line") from None
            if line.doc_id in lines:
                raise SourceError(f"{self._path}: line {number}: {line.doc_id[:12]} is labelled twice; keep one line")
            lines[line.doc_id] = line
        return lines
