"""The contract of an annotator: what labels the sample, by rules, by asking a teacher, or by hand."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from codeprimer.core.plugins import Plugin
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


class Annotator(Plugin):
    """Labels documents."""

    in_workers: ClassVar[bool] = False
    """True where labelling is plain computation without tools: the engine's workers share it, each with an annotator of its
    own. False where an annotator keeps many requests in flight by itself."""

    @property
    def about(self) -> str:
        """One sentence for the report: where the labels come from."""
        return f"The labels come from the annotator {self.settings.kind}."

    @abstractmethod
    def label(self, documents: Iterable[Row]) -> Iterator[Label | Unlabelled]:
        """Yield a label per document, or why there is none, in order; a row has at least ``doc_id`` and ``text``."""

    def estimate(self, documents: int, characters: int) -> str:
        """Return what labelling so many documents will cost, for people; nothing where it costs nothing."""
        del documents, characters
        return ""

    @property
    def progress(self) -> str:
        """Say what the labels have cost so far; nothing where they cost nothing."""
        return ""

    def facts(self) -> dict[str, Any] | None:
        """Return figures for the report, once it has labelled; None where there are none."""
        return None
