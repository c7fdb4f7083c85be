"""The contract of an annotator: whoever judges the sample, by rules, by asking a teacher, or by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol

from codeprimer.core.shards import Row


@dataclass(frozen=True)
class Label:
    """One document's judgement."""

    doc_id: str
    points: float
    """Educational value for somebody who learns basic coding concepts, 0-5."""
    why: tuple[str, ...]
    """The complaints that applied, as words from a small set."""


class Annotator(Protocol):
    """Judges documents."""

    name: ClassVar[str]
    in_workers: ClassVar[bool]
    """True where judging is plain computation, which the engine's workers may share; such an annotator is made anew in
    each worker. False where it talks to somebody and keeps many requests in flight by itself."""
    about: ClassVar[str]
    """One sentence for the report: where the labels come from."""

    def label(self, documents: Iterable[Row]) -> Iterator[Label]:
        """Yield one label per document, in order; a row has at least ``doc_id`` and ``text``."""
        ...
