"""Helpers shared by the stages that use authors: pairing blueprints with texts, mapping units, comparing two authors."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Sized
from contextlib import closing
from functools import partial
from itertools import tee, zip_longest
from pathlib import Path
from typing import Any, TypeVar

from codeprimer.authors.author import Author
from codeprimer.core.engine import ending, map_here
from codeprimer.core.errors import PluginError, UserError
from codeprimer.core.plugins import PluginSettings, make
from codeprimer.core.stage import Tools
from codeprimer.curriculum.blueprints import Exercise, Rejection, Section

COMPARED = 200
"""Number of texts that a second author also writes: enough to distinguish pass rates that differ by 0.1."""

Unit = TypeVar("Unit", bound=Sized)
"""A unit of work; its length is the number of texts that it requests."""
BlueprintType = TypeVar("BlueprintType")
Text = TypeVar("Text", bound=Exercise | Section | Rejection)


def drafts(
    author: Author, write: Callable[[Iterable[BlueprintType]], Iterator[Text]], blueprints: Iterable[BlueprintType]
) -> Generator[tuple[BlueprintType, Text], None, None]:
    """Yield each blueprint with the text that ``write``, a method of the author, produces from it.

    Raises PluginError unless there is exactly one text or Rejection per blueprint.
    """
    given, requested = tee(blueprints)
    with ending(write(given)) as written:
        for blueprint, text in zip_longest(requested, written):
            if blueprint is None or not _is_text(text):
                got = "more texts than blueprints" if blueprint is None else f"{text!r} for {blueprint}"
                raise PluginError(
                    f"author {author.settings.kind!r} ({type(author).__module__}) yielded {got}; it must yield one text or "
                    "one Rejection per blueprint"
                )
            yield blueprint, text


def _is_text(value: object) -> bool:
    return isinstance(value, Exercise | Section | Rejection)


def write_units(
    author: Author,
    write: Callable[[Author, Unit, Path], None],
    units: Sequence[Unit],
    work: Path,
    title: str,
    tools: Tools,
) -> Generator[Path, None, None]:
    """Call ``write(author, unit, folder)`` per unit, in worker processes or in this process, and yield the folders in order."""
    if author.in_workers:
        with closing(tools.engine.map(partial(_in_worker, write, author.settings), units, work, title)) as folders:
            yield from folders
    else:
        yield from map_here(partial(write, author), units, work)


def _in_worker(write: Callable[[Author, Unit, Path], None], settings: PluginSettings, unit: Unit, folder: Path) -> None:
    write(make("author", settings), unit, folder)


def compare(
    author: Author,
    write: Callable[[Author, Unit, Path], None],
    unit: Unit,
    passed: Callable[[Unit, Path], int],
    work: Path,
    tools: Tools,
) -> dict[str, Any]:
    """Return the second author's figures for the report; empty if there is no second author or, with a warning, if it fails.

    ``unit`` holds the first requests. ``passed(unit, folder)`` counts how many of these requests the texts in ``folder``
    fulfil. ``work`` is the folder with the first author's output.
    """
    if (second := author.second) is None:
        return {}
    try:
        [folder] = map_here(partial(write, second), [unit], work / "second")
    except UserError as error:
        tools.console.warn(f"{tools.step}: the second teacher cannot be compared: {error}")
        return {}
    [first, *_] = sorted(work.glob("[0-9]*"))
    compared = {"orders": len(unit), "first": passed(unit, first), "second": passed(unit, folder)}
    return {"second": second.facts() | {"compared": compared}}
