"""A question in progress: its next request and its answers so far.

Reads answers; sends nothing. Key idea: the same code processes answers from the journal and answers from the network.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from codeprimer.teachers.budget import Reservation
from codeprimer.teachers.journal import Journal
from codeprimer.teachers.questions import Question, Result
from codeprimer.teachers.requests import Answer, Request, RequestEncoder


@dataclass(slots=True)
class Item:
    """A question in progress."""

    number: int
    question: Question
    request: Request
    key: bytes = b""
    body: bytes = b""
    reserved: Reservation | None = None
    failures: int = 0
    """Failed attempts of the current request that the request itself may have caused."""
    tries: int = 0
    """All failed attempts of the current request."""
    timeouts: int = 0
    """Number of these attempts that timed out."""
    answers: list[Answer] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    result: Result | None = None

    def __lt__(self, other: Item) -> bool:
        return self.number < other.number


def advance(item: Item, answer: Answer) -> bool:
    """Process an answer; return whether the question has a result. Otherwise, it has a next request."""
    item.answers.append(answer)
    item.requests.append(item.request)
    then = item.question.then(item.request, answer)
    if isinstance(then, Result):
        item.result = then
        return True
    item.request = then
    return False


def follow(item: Item, answer: Answer, encoder: RequestEncoder, journal: Journal) -> bool:
    """Process an answer and any follow-up answers in the journal; return whether there is a result.

    Otherwise, the item's next request is ready to be sent.
    """
    while not advance(item, answer):
        item.body, item.key = encoder.encode(item.request)
        known = journal.find([item.key])
        if item.key not in known:
            return False
        answer = known[item.key]
    return True
