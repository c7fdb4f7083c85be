"""Errors that stop all requests to a teacher."""

from __future__ import annotations

from codeprimer.core.errors import UserError


class TeacherError(UserError):
    """The teacher cannot be used: a wrong key, model or URL, or no connection."""


class BudgetError(UserError):
    """The budget is used up; every answer so far is in the journal."""
