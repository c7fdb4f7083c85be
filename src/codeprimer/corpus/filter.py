"""The filter interface: a filter checks one file and returns why the corpus should drop it, or None to keep it."""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from codeprimer.analysis.python_source import parse
from codeprimer.core.errors import PluginError
from codeprimer.core.plugins import Plugin, PluginSettings, make, package_of
from codeprimer.corpus.reasons import OWN_REASONS, Drop


@dataclass(frozen=True)
class File:
    """The part of a file that a filter sees."""

    text: str
    """The decoded text, without a byte order mark and with newline line endings."""
    path: str
    """The path relative to the source, with forward slashes."""
    package: str
    license: str | None
    """An SPDX expression; None if no licence was found."""

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree, parsed on first use. Raises NotPythonError if the text is not Python 3."""
        return parse(self.text)


class Filter(Plugin):
    """Drops files; the filter's ``kind`` is the reason in the tables.

    Worker processes create filters from their settings alone, so a filter cannot ask for tools.
    """

    role: ClassVar[str] = "filter"
    in_workers: ClassVar[bool] = True
    needs_tree: ClassVar[bool] = False
    """True for a filter that reads ``File.tree``: it runs later, after exact duplicates are removed and texts are parsed."""

    @abstractmethod
    def check(self, file: File) -> str | None:
        """Return what was found (the ``detail`` in the ``dropped`` table) if the file must be dropped, else None."""


def refuse_unusable(filters: Sequence[PluginSettings]) -> None:
    """Raise PluginError if a filter has the name of another reason; the message names the plug-in."""
    for settings in filters:
        if settings.kind in OWN_REASONS:
            where = f"corpus.filters: {settings.kind!r} (package {package_of('filter', settings.kind)})"
            raise PluginError(f"{where} has the same name as one of the corpus's own reasons; rename the plug-in")


def make_filters(filters: Sequence[PluginSettings], needs_tree: bool) -> list[Filter]:
    """Return the filters whose ``needs_tree`` has the given value, in recipe order."""
    made: list[Filter] = [make("filter", settings) for settings in filters]
    return [one for one in made if one.needs_tree == needs_tree]


def first_drop(file: File, filters: Sequence[Filter]) -> Drop | None:
    """Return the reason from the first filter that drops the file; None if no filter drops it.

    Raises PluginError if a filter fails or returns anything other than a string or None.
    """
    for one in filters:
        try:
            detail = one.check(file)
        except PluginError as error:
            raise PluginError(f"{file.path}: {error}") from error.__cause__
        if detail is None:
            continue
        if not isinstance(detail, str):
            raise PluginError(
                f"filter {one.settings.kind!r}: check() returned {detail!r} for {file.path}; it must return text or None"
            )
        return Drop(one.settings.kind, detail)
    return None
