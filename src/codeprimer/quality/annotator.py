"""The contract of an annotator: whoever judges the sample, by rules, by asking a teacher, or by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from codeprimer.core.shards import Row


@dataclass(frozen=True)
class Label:
    """One document's judgement."""

    doc_id: str
    points: float
    """Educational value for somebody who learns basic coding concepts, 0-5."""
    why: tuple[str, ...]
    """The complaints that applied, as words from a small set."""
    said: str | None = None
    """The reason in the annotator's own words, where it has any."""
    request_id: str | None = None
    """The teacher's answer in the journal, where a teacher was asked."""


@dataclass(frozen=True)
class Unlabelled:
    """A document that was shown to an annotator and got no usable judgement."""

    doc_id: str
    reason: str
    detail: str
    answers: tuple[str, ...]
    """Everything that was said about it."""


class Annotator(Protocol):
    """Judges documents; registered as an entry point of the group ``codeprimer.annotators``.

    One that needs more than documents is an ``AskingAnnotator``, which the assembly hands in.
    """

    name: ClassVar[str]
    in_workers: ClassVar[bool]
    """True where judging is plain computation, which the engine's workers may share; such an annotator is made anew in
    each worker. False where it talks to somebody and keeps many requests in flight by itself."""

    @property
    def about(self) -> str:
        """One sentence for the report: where the labels come from."""
        ...

    def label(self, documents: Iterable[Row]) -> Iterator[Label | Unlabelled]:
        """Yield a label per document, or why there is none, in order; a row has at least ``doc_id`` and ``text``."""
        ...


@runtime_checkable
class AskingAnnotator(Annotator, Protocol):
    """One who asks somebody, a teacher or people, in the run's own process."""

    def identity(self) -> dict[str, Any]:
        """Return what decides the labels and the figures about them, as JSON values, for the artefact's id."""
        ...

    def estimate(self, documents: int, characters: int) -> str:
        """Return what judging so many documents will take, for people; nothing where it takes nothing."""
        ...

    @property
    def progress(self) -> str:
        """Say what the labels have cost so far; nothing where they cost nothing."""
        ...

    def facts(self) -> dict[str, Any] | None:
        """Return figures for the report, once it has labelled; None where there are none."""
        ...
