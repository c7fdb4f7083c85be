"""From a row of a data file to a document: which column holds what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from codeprimer.core.errors import SourceError, nearest
from codeprimer.corpus.sources.base import PathSettings, RawDocument


class ColumnSettings(PathSettings):
    """A source whose rows are documents."""

    text_column: str | None = Field(default=None, description="The column of the text; null: text, content or code.")
    path_column: str = Field(default="path", description="The column of the file's path, if any.")
    license_column: str = Field(default="license", description="The column of the licence, if any.")
    package_column: str = Field(
        default="package", description="The column that tells packages or repositories apart, if any."
    )


TEXT_COLUMNS = ("text", "content", "code")
"""Tried in this order where the recipe names no column."""


@dataclass(frozen=True)
class Columns:
    """Where a row keeps a document's parts; the source's name is its package where no column says."""

    source: str
    text: str | None
    path: str
    license: str
    package: str

    @staticmethod
    def of(settings: ColumnSettings) -> Columns:
        """Return the columns that a source's settings name."""
        return Columns(
            settings.name,
            settings.text_column,
            settings.path_column,
            settings.license_column,
            settings.package_column,
        )

    def text_column(self, present: Iterable[str], place: Callable[[], str]) -> str:
        """Return the column that holds the text.

        Raises SourceError when none of the columns that are present does.
        """
        known = list(present)
        for name in (self.text,) if self.text is not None else TEXT_COLUMNS:
            if name in known:
                return name
        wanted = repr(self.text) if self.text is not None else " or ".join(map(repr, TEXT_COLUMNS))
        raise SourceError(
            f"{place()} has no column {wanted}; set text_column of source {self.source!r}: "
            f"{nearest(self.text or 'text', known) if known else 'it has no columns at all'}"
        )


def row_document(
    row: Mapping[str, Any], columns: Columns, unnamed: str, limit: int, place: Callable[[], str]
) -> RawDocument:
    """Return the document in a row; ``unnamed`` is its path where the row has none.

    Raises SourceError when the text is missing or no text.
    """
    name = columns.text_column(row, place)
    text = row[name]
    if not isinstance(text, str):
        raise SourceError(f"{place()}: column {name!r} holds {type(text).__name__}, not text; name another text_column")
    return RawDocument(
        path=_text_or(row.get(columns.path), unnamed),
        package=_text_or(row.get(columns.package), columns.source),
        license=_license(row.get(columns.license)),
        # Four bytes per character at most: cutting first keeps a huge text from being copied whole.
        content=text[: limit + 1].encode("utf-8", "surrogatepass")[: limit + 1],
    )


def _text_or(value: Any, otherwise: str) -> str:
    return value if isinstance(value, str) and value else otherwise


def _license(value: Any) -> str | None:
    """Return a licence column's value; some data sets hold a list of what was detected."""
    if isinstance(value, list | tuple) and value:
        value = " AND ".join(sorted(str(item) for item in value))
    return value if isinstance(value, str) and value else None
