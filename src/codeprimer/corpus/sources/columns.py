"""From a row of a data file to a document: which column holds what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import Field

from codeprimer.core.errors import SourceError, nearest
from codeprimer.corpus.sources.base import PathSettings, RawDocument

TEXT_COLUMNS = ("text", "content", "code")
"""Tried in this order where the recipe names no column."""


class ColumnSettings(PathSettings):
    """A source whose rows are documents."""

    text_column: str | None = Field(default=None, description="The column of the text; null: text, content or code.")
    path_column: str = Field(default="path", description="The column of the file's path, if any.")
    license_column: str = Field(default="license", description="The column of the licence, if any.")
    package_column: str = Field(default="package", description="The column of the package or repository, if any.")


def text_column(settings: ColumnSettings, present: Iterable[str], place: Callable[[], str]) -> str:
    """Return the column that holds the text. Raises SourceError when none of the present columns does."""
    known, named = list(present), settings.text_column
    for name in (named,) if named is not None else TEXT_COLUMNS:
        if name in known:
            return name
    wanted = repr(named) if named is not None else " or ".join(map(repr, TEXT_COLUMNS))
    raise SourceError(
        f"{place()} has no column {wanted}; set text_column of source {settings.name!r}: "
        f"{nearest(named or 'text', known) if known else 'it has no columns at all'}"
    )


def row_document(
    row: Mapping[str, Any], settings: ColumnSettings, unnamed: str, limit: int, place: Callable[[], str]
) -> RawDocument:
    """Return the document in a row; ``unnamed`` is its path where the row has none.

    Its package is the source's name where the row has none. Raises SourceError when the text is missing or not text.
    """
    name = text_column(settings, row, place)
    text = row[name]
    if not isinstance(text, str):
        raise SourceError(f"{place()}: column {name!r} holds {type(text).__name__}, not text; name another text_column")
    return RawDocument(
        path=_text_or(row.get(settings.path_column), unnamed),
        package=_text_or(row.get(settings.package_column), settings.name),
        license=_license(row.get(settings.license_column)),
        # Slice twice: the first slice avoids encoding all of a huge text, the second counts bytes instead of characters.
        content=text[: limit + 1].encode("utf-8", "surrogatepass")[: limit + 1],
    )


def _text_or(value: Any, otherwise: str) -> str:
    return value if isinstance(value, str) and value else otherwise


def _license(value: Any) -> str | None:
    """Return a licence column's value; some data sets hold a list of detected licences."""
    if isinstance(value, list | tuple) and value:
        value = " AND ".join(sorted(str(item) for item in value))
    return value if isinstance(value, str) and value else None
