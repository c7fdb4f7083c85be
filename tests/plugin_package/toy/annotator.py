"""An annotator that asks the teacher for one word per document."""

from collections.abc import Iterable, Iterator

from pydantic import Field

from codeprimer.api import (
    Access,
    Annotator,
    Label,
    Message,
    PlainQuestion,
    PluginSettings,
    Request,
    ShownDocument,
    Unlabelled,
)


class OneWordSettings(PluginSettings):
    """The question that the teacher is asked."""

    question: str = Field(default="Is this code worth learning from? Answer yes or no.", description="The question.")


class OneWordAnnotator(Annotator):
    """Gives 5 points for "yes" and 0 points for any other answer."""

    Settings = OneWordSettings

    def __init__(self, settings: OneWordSettings, *, teacher: Access) -> None:
        super().__init__(settings)
        self._teacher = teacher

    def label(self, documents: Iterable[ShownDocument]) -> Iterator[Label | Unlabelled]:
        """Yield one label per document, in order; the teacher keeps many requests in flight."""
        rows = list(documents)
        with self._teacher.open() as teacher:
            for row, reply in zip(rows, teacher.ask(map(self._question, rows), len(rows)), strict=True):
                if reply.reason:
                    yield Unlabelled(row["doc_id"], reply.reason, reply.detail, ())
                else:
                    good = reply.value.strip().lower().startswith("yes")
                    yield Label(row["doc_id"], 5.0 if good else 0.0, (), reply.value, reply.request_id)

    def _question(self, row: ShownDocument) -> PlainQuestion:
        messages = (Message("system", self.settings.question), Message("user", row["text"][:4000]))
        return PlainQuestion(Request(messages, "one-word/1"), self._teacher.settings)
