"""``codeprimer ask``: one question to the recipe's teacher, and what the answer cost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from codeprimer.core.errors import RecipeError, UserError
from codeprimer.run.folder import STORE
from codeprimer.run.loading import load_recipe
from codeprimer.run.tools import TEACHERS
from codeprimer.teachers import Message, PlainQuestion, Request, Teacher, TeacherSettings
from codeprimer.teachers.prices import as_usd

ACCOUNT = "ask"
"""What is spent by hand is booked here, not on a run."""

TEMPLATE = "ask/1"


@dataclass(frozen=True)
class Asked:
    """An answer and a line about it."""

    text: str
    about: str


def teacher_settings(recipe: Path, overrides: list[str]) -> TeacherSettings:
    """Return the recipe's teacher. Raises RecipeError where it has none."""
    settings = load_recipe(recipe, overrides).teacher
    if settings is None:
        raise RecipeError(f"{recipe}: there is no section teacher; give it one, with base_url, model and price")
    return settings


def ask_once(settings: TeacherSettings, question: str, sample: int, runs: Path) -> Asked:
    """Return the teacher's answer; one that was given before comes from the journal below ``runs``.

    Raises UserError where there is no whole answer.
    """
    request = Request((Message("user", question),), TEMPLATE, sample)
    with Teacher(settings, runs / STORE / TEACHERS, ACCOUNT) as teacher:
        [reply] = teacher.ask([PlainQuestion(request, settings)])
        tariff = teacher.ledger.tariff
    if reply.fault:
        raise UserError(f"{settings.model} gave no answer: {reply.fault.replace('_', ' ')}, {reply.detail}")
    sent = sum(answer.prompt_tokens for answer in reply.answers)
    answered = sum(answer.completion_tokens for answer in reply.answers)
    last = reply.answers[-1]
    cost = as_usd(reply.cost) if tariff.is_known else "price not known"
    came = f"{last.seconds:.2f} s" if last.is_new else "from the journal, nothing paid now"
    return Asked(
        reply.value, f"{last.model or settings.model}: {sent:,} tokens sent, {answered:,} answered, {cost}, {came}"
    )
