"""A question on its way: what is asked next, what has been answered.

Reads answers; sends nothing. Its one idea: an answer that comes from the journal and one that comes from the network are
taken into account by the same few lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from codeprimer.teachers.journal import Journal
from codeprimer.teachers.ledger import Reserved
from codeprimer.teachers.questions import Question, Settled
from codeprimer.teachers.requests import Answer, Form, Request


@dataclass(slots=True)
class Item:
    """A question on its way to being settled."""

    number: int
    question: Question
    request: Request
    key: bytes = b""
    body: bytes = b""
    reserved: Reserved | None = None
    failures: int = 0
    """Of the present request, where they may be its own fault."""
    tries: int = 0
    """How often the present request was sent in vain, for whatever reason."""
    silences: int = 0
    """How many of them were attempts that took too long."""
    answers: list[Answer] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    settled: Settled | None = None

    def __lt__(self, other: Item) -> bool:
        return self.number < other.number


def advance(item: Item, answer: Answer) -> bool:
    """Take an answer into account; return whether that settles the question, else there is another request."""
    item.answers.append(answer)
    item.requests.append(item.request)
    then = item.question.then(item.request, answer)
    if isinstance(then, Settled):
        item.settled = then
        return True
    item.request = then
    return False


def follow(item: Item, answer: Answer, form: Form, journal: Journal) -> bool:
    """Take an answer into account, and what follows as far as the journal knows it; return whether that settles it.

    Else the item's next request is ready to be sent.
    """
    while not advance(item, answer):
        item.body, item.key = form.encode(item.request)
        known = journal.find([item.key])
        if item.key not in known:
            return False
        answer = known[item.key]
    return True
