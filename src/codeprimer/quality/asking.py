"""The annotator that asks a teacher, with the paper's question.

Reads documents; what is asked and answered lies in the teacher's journal. Its one idea: the reason comes before the
points, so that the points follow from it; and a few documents are asked about twice, so that the report can say how far
the teacher agrees with itself, which bounds what a scorer can learn from it.

Section 2.1 of the paper asks a large model to "determine its educational value for a student whose goal is to learn basic
coding concepts"; the four complaints are those with which that section begins.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from itertools import tee
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field

from codeprimer.core.shards import Row
from codeprimer.quality.agreement import Agreement
from codeprimer.quality.annotator import Label, Unlabelled
from codeprimer.quality.rubric import Complaint
from codeprimer.teachers import Access, FormQuestion, Message, Reply, Request
from codeprimer.teachers.estimate import estimate
from codeprimer.teachers.prices import as_usd, tariff_of

TEMPLATE = "quality/1"
"""Raised when a word below changes: answers to other words are other answers."""

PARSER = "quality/1"
"""Raised when answers are read in another way; they are not asked for again then."""

MOST_CHARACTERS = 8_000
"""Of a longer file, only whole statements up to this length are shown."""

ASKED_TWICE = 0.05
"""The share of documents that are asked about a second time."""

ANSWER_TOKENS = 80
"""What a judgement takes, about [tokens]."""

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
    """What a teacher says about one file; the reason stands first."""

    why: str
    faults: list[Fault]
    points: int = Field(ge=0, le=5)


class EndpointAnnotator:
    """Labels by a language model."""

    name: ClassVar[str] = "endpoint"
    in_workers: ClassVar[bool] = False

    def __init__(self, access: Access) -> None:
        self._access = access
        self._agreement = Agreement()
        self._counts: dict[str, int] = {"labelled": 0, "unlabelled": 0, "answers": 0, "cost_nano_usd": 0, "tokens": 0}

    @property
    def about(self) -> str:
        """Say where the labels come from."""
        return (
            f"The labels come from the language model {self._access.settings.model}, asked for the educational value of "
            "each file; no person has looked at them."
        )

    def identity(self) -> dict[str, Any]:
        """Return what decides the labels."""
        return {"teacher": self._access.settings.identity(), "template": TEMPLATE, "parser": PARSER}

    def estimate(self, documents: int, characters: int) -> str:
        """Return what asking about so many documents with so many characters will take, for people.

        Raises RecipeError where no price is known.
        """
        settings = self._access.settings
        requests = round(documents * (1 + ASKED_TWICE))
        shown = min(characters, documents * MOST_CHARACTERS) + documents * len(_INSTRUCTIONS)
        return estimate(settings, requests, round(shown * (1 + ASKED_TWICE)), ANSWER_TOKENS).sentence(
            settings, tariff_of(settings)
        )

    def label(self, documents: Iterable[Row]) -> Iterator[Label | Unlabelled]:
        """Yield a label for each document, or why there is none."""
        with self._access.open() as teacher:
            questioned, shown = tee(documents)
            replies = teacher.ask(question for row in questioned for question in self._questions(row))
            for row in shown:
                yield self._labelled(row, replies)

    @property
    def progress(self) -> str:
        """Say what has been spent on the labels so far."""
        return as_usd(self._counts["cost_nano_usd"]) if self._counts["cost_nano_usd"] else ""

    def _questions(self, row: Row) -> Iterator[FormQuestion[Judgement]]:
        for sample in range(1 + is_asked_twice(row["doc_id"])):
            messages = (Message("system", _INSTRUCTIONS), Message("user", f"```python\n{excerpt(row['text'])}\n```"))
            request = Request(messages, TEMPLATE, sample)
            yield FormQuestion(request, self._access.settings, Judgement, PARSER)

    def _labelled(self, row: Row, replies: Iterator[Reply]) -> Label | Unlabelled:
        first = self._count(next(replies))
        if is_asked_twice(row["doc_id"]):
            second = self._count(next(replies))
            if not first.fault and not second.fault:
                self._agreement.add(first.value.points, second.value.points)
        if first.fault:
            self._counts["unlabelled"] += 1
            return Unlabelled(row["doc_id"], first.fault, first.detail, tuple(answer.text for answer in first.answers))
        self._counts["labelled"] += 1
        judgement: Judgement = first.value
        why = tuple(dict.fromkeys(judgement.faults))
        return Label(row["doc_id"], float(judgement.points), why, judgement.why, first.request_id)

    def _count(self, reply: Reply) -> Reply:
        self._counts["answers"] += len(reply.answers)
        self._counts["cost_nano_usd"] += reply.cost
        self._counts["tokens"] += sum(answer.prompt_tokens + answer.completion_tokens for answer in reply.answers)
        return reply

    def facts(self) -> dict[str, Any]:
        """Return figures for the report; equal for equal answers, whenever they were given."""
        return {"model": self._access.settings.model, **self._counts, "asked_twice": self._agreement.facts()}


def is_asked_twice(doc_id: str) -> bool:
    """Tell whether a document is one of those that are asked about a second time."""
    drawn = int.from_bytes(hashlib.sha256(f"twice/{doc_id}".encode()).digest()[:8], "big")
    return drawn < ASKED_TWICE * 2**64


def excerpt(text: str) -> str:
    """Return a file, or as many of its first whole statements as fit, with a note of how much is left out."""
    if len(text) <= MOST_CHARACTERS:
        return text
    lines = text.splitlines()
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
    """Return the last lines (from 1) of all functions, methods, classes and other statements outside of functions."""
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
