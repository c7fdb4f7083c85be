"""The reasons for which the corpus itself drops a file; when a filter drops a file, the reason is the filter's kind."""

from __future__ import annotations

from typing import NamedTuple

HUGE = "huge"
NOT_UTF8 = "not_utf8"
EMPTY = "empty"
SYNTAX_ERROR = "syntax_error"
EXACT_DUPLICATE = "exact_duplicate"
NEAR_DUPLICATE = "near_duplicate"

OWN_REASONS = (HUGE, NOT_UTF8, EMPTY, SYNTAX_ERROR, EXACT_DUPLICATE, NEAR_DUPLICATE)


class Drop(NamedTuple):
    """Why a file is dropped."""

    reason: str
    detail: str
    """What was found in the file."""
