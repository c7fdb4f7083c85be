"""Why a teacher is asked no more."""

from __future__ import annotations

from codeprimer.core.errors import UserError


class TeacherError(UserError):
    """A teacher that cannot be asked: a wrong key, model or address, no connection."""


class BudgetError(UserError):
    """The cap is reached; everything that was answered is kept."""
