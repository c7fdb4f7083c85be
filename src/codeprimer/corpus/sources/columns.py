"""Turns rows of data files into documents: determines which columns hold the text, path, licence and package."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import Field

from codeprimer.core.errors import SourceError, nearest
from codeprimer.corpus.sources.base import PathSettings, RawDocument

TEXT_COLUMNS = ("text", "content", "code")
"""Tried in this order if the recipe does not name a text column."""


class ColumnSettings(PathSettings):
    """A source whose rows are documents."""

    text_column: str | None = Field(
        default=None, description="Column for the text; null means `text`, `content` or `code`."
    )
    path_column: str = Field(default="path", description="Column for the file's path, if any.")
    license_column: str = Field(default="license", description="Column for the licence, if any.")
    package_column: str = Field(default="package", description="Column for the package or repository, if any.")


def text_column(settings: ColumnSettings, present: Iterable[str], place: Callable[[], str]) -> str:
    """Return the column that holds the text. Raises SourceError if it is not among the columns that are present."""
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
    """Return the document in a row; ``unnamed`` is its path if the row has none.

    If the row has no package, the source's name is used. Raises SourceError if the text is missing or not a string.
    """
    name = text_column(settings, row, place)
    text = row[name]
    if not isinstance(text, str):
        raise SourceError(f"{place()}: column {name!r} holds {type(text).__name__}, not text; name another text_column")
    return RawDocument(
        path=_text_or(row.get(settings.path_column), unnamed),
        package=_text_or(row.get(settings.package_column), settings.name),
        license=_license(row.get(settings.license_column)),
        # Slice twice: the first slice avoids encoding a huge text completely; the second limits bytes, not characters.
        content=text[: limit + 1].encode("utf-8", "surrogatepass")[: limit + 1],
    )


def _text_or(value: Any, otherwise: str) -> str:
    return value if isinstance(value, str) and value else otherwise


def _license(value: Any) -> str | None:
    """Return the licence in a column's value, which in some data sets is a list of detected licences."""
    if isinstance(value, list | tuple) and value:
        value = " AND ".join(sorted(str(item) for item in value))
    return value if isinstance(value, str) and value else None
