"""The contract of an annotator: it labels the sample, by rules, by asking a teacher, or by hand."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, TypedDict

from codeprimer.core.plugins import Plugin


class ShownDocument(TypedDict):
    """What an annotator sees of a document."""

    doc_id: str
    text: str


@dataclass(frozen=True)
class Label:
    """One document's label."""

    doc_id: str
    points: float
    """Educational value for a student of basic coding concepts, 0-5."""
    why: tuple[str, ...]
    """The complaints that apply, as words from a small set."""
    said: str | None = None
    """The reason in the annotator's own words, where it has any."""
    request_id: str | None = None
    """The id of the teacher's answer in the journal, where a teacher was asked."""


@dataclass(frozen=True)
class Unlabelled:
    """A document that an annotator saw and gave no usable label."""

    doc_id: str
    reason: str
    detail: str
    answers: tuple[str, ...]
    """All answers about it."""


class Annotator(Plugin):
    """Labels documents."""

    in_workers: ClassVar[bool] = False
    """True where labelling is plain computation without tools: every worker process then creates an annotator of its own.
    False where the annotator wants tools or keeps many requests in flight: it then runs in the parent process."""

    @property
    def about(self) -> str:
        """One sentence for the report: where the labels come from."""
        return f"The labels come from the annotator {self.settings.kind}."

    @abstractmethod
    def label(self, documents: Iterable[ShownDocument]) -> Iterator[Label | Unlabelled]:
        """Yield a label per document, or why there is none, in order."""

    def estimate(self, documents: int, characters: int) -> str:
        """Return what labelling will cost, as a sentence; nothing where it costs nothing."""
        del documents, characters
        return ""

    @property
    def progress(self) -> str:
        """What the labels have cost so far; nothing where they cost nothing."""
        return ""

    def facts(self) -> dict[str, Any] | None:
        """Return figures for the report after labelling; None where there are none."""
        return None
