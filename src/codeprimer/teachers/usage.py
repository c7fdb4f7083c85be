"""Counts of replies, tokens and costs."""

from __future__ import annotations

from collections import Counter
from typing import Any

from codeprimer.teachers.prices import NANO
from codeprimer.teachers.teacher import Reply


class Usage:
    """Totals over a teacher's replies."""

    def __init__(self) -> None:
        self._replies: Counter[str] = Counter()
        self._answers = 0
        self._served_by: Counter[str] = Counter()
        self._tokens = 0
        self.cost = 0
        """[nano-USD]"""

    def count(self, reply: Reply) -> Reply:
        """Count a reply and return it."""
        self._replies[reply.reason or "accepted"] += 1
        self._answers += len(reply.answers)
        self._served_by.update(answer.model or "unnamed" for answer in reply.answers)
        self._tokens += sum(answer.prompt_tokens + answer.completion_tokens for answer in reply.answers)
        self.cost += reply.cost
        return reply

    def facts(self) -> dict[str, Any]:
        """Return the totals for a manifest."""
        return {
            "replies": dict(sorted(self._replies.items())),
            "answers": self._answers,
            "served_by": dict(sorted(self._served_by.items())),
            "tokens": self._tokens,
            "usd": self.cost / NANO,
        }
