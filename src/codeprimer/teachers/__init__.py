"""Ask a language model many things: pay for each once, lose none, stop at the budget.

Reads and writes the journal. Its one idea: an answer that was paid for is kept under everything that decided it, so
whatever ends a run, and however often it is run again, nothing is asked twice.
"""

from codeprimer.teachers.errors import BudgetError, TeacherError
from codeprimer.teachers.questions import (
    BareQuestion,
    EmbeddingQuestion,
    FormQuestion,
    PlainQuestion,
    Question,
    Settled,
)
from codeprimer.teachers.requests import Answer, Message, Request
from codeprimer.teachers.settings import Price, TeacherSettings
from codeprimer.teachers.tally import Tally
from codeprimer.teachers.teacher import Access, Reply, Teacher

__all__ = [
    "Access",
    "Answer",
    "BareQuestion",
    "BudgetError",
    "EmbeddingQuestion",
    "FormQuestion",
    "Message",
    "PlainQuestion",
    "Price",
    "Question",
    "Reply",
    "Request",
    "Settled",
    "Tally",
    "Teacher",
    "TeacherError",
    "TeacherSettings",
]
