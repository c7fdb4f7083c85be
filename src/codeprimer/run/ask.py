"""``codeprimer ask``: one question to the recipe's teacher, and the cost of the answer."""

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
"""The account for manual questions, separate from the accounts of runs."""

TEMPLATE = "ask/1"


@dataclass(frozen=True)
class Asked:
    """An answer, and a line about its cost."""

    text: str
    about: str


def teacher_settings(recipe: Path, overrides: list[str]) -> TeacherSettings:
    """Return the settings of the recipe's teacher. Raises RecipeError if it has none."""
    settings = load_recipe(recipe, overrides).teacher
    if settings is None:
        raise RecipeError(f"{recipe}: the recipe has no teacher section; add one with base_url, model and price")
    return settings


def ask_once(settings: TeacherSettings, question: str, sample: int, runs: Path) -> Asked:
    """Return the teacher's answer; a known answer is read from the journal below ``runs``.

    Raises UserError if there is no complete answer.
    """
    request = Request((Message("user", question),), TEMPLATE, sample)
    with Teacher(settings, runs / STORE / TEACHERS, ACCOUNT) as teacher:
        [reply] = teacher.ask([PlainQuestion(request, settings)])
        tariff = teacher.budget.tariff
    if reply.reason:
        raise UserError(f"{settings.model} gave no answer: {reply.reason.replace('_', ' ')}, {reply.detail}")
    sent = sum(answer.prompt_tokens for answer in reply.answers)
    answered = sum(answer.completion_tokens for answer in reply.answers)
    last = reply.answers[-1]
    cost = as_usd(reply.cost) if tariff.is_known else "price unknown"
    came = f"{last.seconds:.2f} s" if last.is_new else "from the journal, at no cost"
    return Asked(
        reply.value,
        f"{last.model or settings.model}: {sent:,} input tokens, {answered:,} output tokens, {cost}, {came}",
    )
