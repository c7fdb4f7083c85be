"""The annotator that asks a teacher the paper's question.

The teacher gives the reason before the points, so that the points follow from the reason. It is asked about a few
documents twice, so that the report can state the teacher's self-agreement, which bounds what a scorer can learn from its
labels.

Section 2.1 of the paper asks a large model to "determine its educational value for a student whose goal is to learn basic
coding concepts"; the four complaints are taken from the beginning of that section.
"""

from __future__ import annotations

import ast
import hashlib
import logging
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import tee
from typing import Any, Literal

from pydantic import BaseModel, Field

from codeprimer.analysis.python_source import source_lines
from codeprimer.core.errors import UserError
from codeprimer.core.plugins import PluginSettings
from codeprimer.quality.agreement import Agreement
from codeprimer.quality.annotator import Annotator, Label, ShownDocument, Unlabelled
from codeprimer.quality.rubric import Complaint
from codeprimer.teachers import Access, Message, Reply, Request, StructuredQuestion, Usage
from codeprimer.teachers.estimate import estimate
from codeprimer.teachers.prices import as_usd
from codeprimer.teachers.questions import digest_of

_log = logging.getLogger(__name__)

TEMPLATE = "quality/1"
"""Incremented whenever the wording of the prompt below changes."""

PARSER = "quality/1"
"""Incremented whenever the parsing of answers changes; stored answers are then parsed again, not requested again."""

MOST_CHARACTERS = 8_000
"""Maximum length of a file that is shown whole; a longer file is shown as whole statements up to this length."""

ASKED_TWICE = 0.05
"""The fraction of documents about which the teacher is asked a second time."""

ANSWER_TOKENS = 80
"""Approximate length of an answer [tokens]."""

_INSTRUCTIONS = """\
You judge Python files as material for a textbook. Determine the educational value of the file for a student whose goal
is to learn basic coding concepts.

Look for four faults:
- not_self_contained: it cannot be understood without other modules or files of its project;
- trivial: it computes nothing of interest: constants, configuration, boilerplate, declarations of graphical elements;
- buried: its algorithm is hidden in long, complicated or undocumented functions;
- skewed_topic: it serves one narrow use or application, and teaches no concept that matters elsewhere.

First say in one sentence why the file is or is not worth learning from. Then name the faults that apply. Then give points:
0 no educational value, 1 very little, 2 little, 3 some, 4 much, 5 a model example of a textbook."""

Fault = Literal["not_self_contained", "trivial", "buried", "skewed_topic"]
assert set(Fault.__args__) <= {complaint.value for complaint in Complaint}  # type: ignore[attr-defined]


class Judgement(BaseModel):
    """A teacher's judgement of one file; the reason is the first field."""

    why: str
    faults: list[Fault]
    points: int = Field(ge=0, le=5, strict=True)


class EndpointAnnotator(Annotator):
    """Labels with a language model; a second model may get the same questions, for comparison only."""

    def __init__(self, settings: PluginSettings, *, teacher: Access, second_teacher: Access | None) -> None:
        super().__init__(settings)
        self._access = teacher
        self._second = second_teacher
        self._twice, self._compared = Agreement(), Agreement()
        self._usage, self._second_usage = Usage(), Usage()
        self._documents: int | None = None

    @property
    def about(self) -> str:
        """Where the labels come from."""
        return (
            f"The labels come from the language model {self._access.settings.model}, asked for the educational value of "
            "each file; no person has reviewed the labels."
        )

    def digest(self) -> str:
        """Return a digest of the prompt, the answer format and the parser version."""
        return f"{digest_of(_INSTRUCTIONS, forms=[Judgement])} {PARSER}"

    def estimate(self, documents: int, characters: int) -> str:
        """Return one sentence per teacher that says what labelling will cost.

        Raises RecipeError if no price is known.
        """
        self._documents = documents
        shown = min(characters, documents * MOST_CHARACTERS) + documents * len(_INSTRUCTIONS)
        sentences = []
        for access, times in ((self._access, 1 + ASKED_TWICE), (self._second, 1.0)):
            if access is not None:
                cost = estimate(access.settings, round(documents * times), round(shown * times), ANSWER_TOKENS)
                sentences.append(cost.sentence(access.settings, access.tariff))
        return "\n  ".join(sentences)

    @property
    def progress(self) -> str:
        """The cost of the labels so far."""
        cost = self._usage.cost + self._second_usage.cost
        return as_usd(cost) if cost else ""

    def label(self, documents: Iterable[ShownDocument]) -> Iterator[Label | Unlabelled]:
        """Yield a label for each document, or the reason why it has none, in order."""
        with ExitStack() as stack:
            shown, *questioned = tee(documents, 2 if self._second is None else 3)
            expected = None if self._documents is None else round(self._documents * (1 + ASKED_TWICE))
            questions = _all_questions(questioned[0], self._access, True)
            replies = stack.enter_context(self._access.open()).ask(questions, expected)
            others: Iterator[Reply] | None = None
            if self._second is not None:
                questions = _all_questions(questioned[1], self._second, False)
                others = _until_it_fails(stack, self._second, questions, self._documents)
            for document in shown:
                yield self._labelled(document, replies, others)

    def _labelled(
        self, document: ShownDocument, replies: Iterator[Reply], others: Iterator[Reply] | None
    ) -> Label | Unlabelled:
        doc_id, first = document["doc_id"], self._usage.count(next(replies))
        if is_asked_twice(doc_id):
            _compare(first, self._usage.count(next(replies)), self._twice)
        if others is not None and (other := next(others, None)) is not None:
            _compare(first, self._second_usage.count(other), self._compared)
        if first.reason:
            return Unlabelled(doc_id, first.reason, first.detail, tuple(answer.text for answer in first.answers))
        judgement: Judgement = first.value
        why = tuple(dict.fromkeys(judgement.faults))
        return Label(doc_id, float(judgement.points), why, judgement.why, first.request_id)

    def facts(self) -> dict[str, Any]:
        """Return figures for the report; equal answers give equal figures."""
        facts = {"model": self._access.settings.model, **self._usage.facts(), "asked_twice": self._twice.facts()}
        if self._second is not None:
            other = {"model": self._second.settings.model, **self._second_usage.facts()}
            facts["second"] = other | {"agreement": self._compared.facts()}
        return facts


def _all_questions(
    documents: Iterable[ShownDocument], access: Access, may_ask_twice: bool
) -> Iterator[StructuredQuestion[Judgement]]:
    for document in documents:
        messages = (Message("system", _INSTRUCTIONS), Message("user", f"```python\n{excerpt(document['text'])}\n```"))
        for sample in range(1 + (may_ask_twice and is_asked_twice(document["doc_id"]))):
            yield StructuredQuestion(Request(messages, TEMPLATE, sample), access.settings, Judgement)


def _until_it_fails(
    stack: ExitStack, access: Access, questions: Iterator[StructuredQuestion[Judgement]], expected: int | None
) -> Iterator[Reply]:
    """Yield the second teacher's replies; if that teacher fails, the comparison ends and the run continues."""
    try:
        yield from stack.enter_context(access.open()).ask(questions, expected)
    except UserError as error:
        _log.warning("the comparison with %s ends here: %s", access.section, error)


def _compare(first: Reply, other: Reply, agreement: Agreement) -> None:
    if not first.reason and not other.reason:
        agreement.add(first.value.points, other.value.points)


def is_asked_twice(doc_id: str) -> bool:
    """Return whether the teacher is asked about a document a second time."""
    drawn = int.from_bytes(hashlib.sha256(f"twice/{doc_id}".encode()).digest()[:8], "big")
    return drawn < ASKED_TWICE * 2**64


def excerpt(text: str) -> str:
    """Return a file, or as many of its first whole statements as fit and a note with the number of omitted lines."""
    if len(text) <= MOST_CHARACTERS:
        return text
    lines = [line.rstrip("\r\n") for line in source_lines(text)]
    ends = _statement_ends(text) or list(range(1, len(lines) + 1))
    length, last = 0, 0
    sizes = [len(line) + 1 for line in lines]
    for end in ends:
        length += sum(sizes[last:end])
        if length > MOST_CHARACTERS:
            break
        last = end
    if last == 0:
        return text[:MOST_CHARACTERS] + "\n# [the rest of the file is left out]"
    return "\n".join(lines[:last]) + f"\n# [{len(lines) - last:,} more lines are left out]"


def _statement_ends(text: str) -> list[int]:
    """Return the last line (counted from 1) of every function, method, class and other statement outside functions."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    ends = set()
    for statement in tree.body:
        ends.add(statement.end_lineno or statement.lineno)
        if isinstance(statement, ast.ClassDef):
            ends |= {inner.end_lineno or inner.lineno for inner in statement.body}
    return sorted(ends)
