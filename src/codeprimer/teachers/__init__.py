"""Asks a language model many questions: pays for each answer once, loses none, and stops at the budget.

Reads and writes the journal. Key idea: every paid answer is stored under a key that covers everything that determines it,
so an interrupted or repeated run never sends the same request twice.
"""

from codeprimer.teachers.errors import BudgetError, TeacherError
from codeprimer.teachers.questions import (
    BareQuestion,
    EmbeddingQuestion,
    PlainQuestion,
    Question,
    Result,
    StructuredQuestion,
)
from codeprimer.teachers.requests import Answer, Message, Request
from codeprimer.teachers.settings import Price, TeacherSettings
from codeprimer.teachers.teacher import Access, Reply, Teacher
from codeprimer.teachers.usage import Usage

__all__ = [
    "Access",
    "Answer",
    "BareQuestion",
    "BudgetError",
    "EmbeddingQuestion",
    "Message",
    "PlainQuestion",
    "Price",
    "Question",
    "Reply",
    "Request",
    "Result",
    "StructuredQuestion",
    "Teacher",
    "TeacherError",
    "TeacherSettings",
    "Usage",
]
