"""The interface of engines, which map a function over units of work, each exactly once."""

from __future__ import annotations

import shutil
from abc import abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, TypeVar

from codeprimer.core.plugins import Plugin

Unit = TypeVar("Unit")
Element = TypeVar("Element")


class Engine(Plugin):
    """Maps a function over units of work; every engine produces the same bytes."""

    role: ClassVar[str] = "engine"

    @abstractmethod
    def map(
        self, function: Callable[[Unit, Path], None], units: Iterable[Unit], work: Path, title: str
    ) -> Generator[Path, None, None]:
        """Call ``function(unit, folder)`` exactly once per unit and yield the folders in the order of the units.

        Close the generator (``contextlib.closing``) if you may stop early; otherwise Ctrl-C may be swallowed.

        ``function`` must be importable (a module-level function or a ``functools.partial`` of one). A folder that an
        earlier attempt finished is not filled again. Folders are ``work/00000``, ``work/00001``, ...; the caller may
        remove one after reading it.
        """


def map_here(function: Callable[[Unit, Path], None], units: Iterable[Unit], work: Path) -> Generator[Path, None, None]:
    """Call ``function(unit, folder)`` for each unit in this process, and yield the folders.

    This is for work that keeps many requests in flight and has its own record of the answers: a unit that an interrupted
    attempt began is started again.
    """
    for number, unit in enumerate(units):
        folder = work / f"{number:05d}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        function(unit, folder)
        yield folder


@contextmanager
def ending(elements: Iterator[Element]) -> Generator[Iterator[Element], None, None]:
    """Yield an iterator and close it at the end, if it can be closed.

    This is for iterators with requests in flight: if closing were left to the garbage collector, answers that have been
    paid for would be lost when a run is interrupted.
    """
    try:
        yield elements
    finally:
        if isinstance(elements, Generator):
            elements.close()
