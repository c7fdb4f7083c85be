"""The annotator interface: an annotator labels the sample by rules, by asking a teacher, or by hand."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, TypedDict

from codeprimer.core.plugins import Plugin


class ShownDocument(TypedDict):
    """The part of a document that an annotator sees."""

    doc_id: str
    text: str


@dataclass(frozen=True)
class Label:
    """One document's label."""

    doc_id: str
    points: float
    """Educational value for a student of basic coding concepts, 0-5."""
    why: tuple[str, ...]
    """The complaints that apply, each a word from a small set."""
    said: str | None = None
    """The reason in the annotator's own words, if it gave one."""
    request_id: str | None = None
    """The id of the teacher's answer in the journal, if a teacher was asked."""


@dataclass(frozen=True)
class Unlabelled:
    """A document for which an annotator gave no usable label."""

    doc_id: str
    reason: str
    detail: str
    answers: tuple[str, ...]
    """All answers about the document."""


class Annotator(Plugin):
    """Labels documents."""

    role: ClassVar[str] = "annotator"

    @property
    def about(self) -> str:
        """One sentence for the report that says where the labels come from."""
        return f"The labels come from the annotator {self.settings.kind}."

    @abstractmethod
    def label(self, documents: Iterable[ShownDocument]) -> Iterator[Label | Unlabelled]:
        """Yield a label for each document, or the reason why it has none, in order."""

    def estimate(self, documents: int, characters: int) -> str:
        """Return a sentence that says what labelling will cost; empty if it is free."""
        del documents, characters
        return ""

    @property
    def progress(self) -> str:
        """The cost of the labels so far; empty if they are free."""
        return ""

    def facts(self) -> dict[str, Any] | None:
        """Return figures for the report after labelling; None if there are none."""
        return None
