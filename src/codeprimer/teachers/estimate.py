"""Estimates a run's requests, tokens, cost and time before the first request.

Reads counts; sends nothing. Key idea: the estimate states its assumptions.
"""

from __future__ import annotations

from dataclasses import dataclass

from codeprimer.teachers.prices import NANO, Tariff, as_usd, tariff_of
from codeprimer.teachers.settings import TeacherSettings

CHARACTERS_PER_TOKEN = 3.5
"""For code, with common tokenizers."""

SECONDS_PER_ANSWER = 5.0
"""Typical time that a hosted model takes for a few hundred tokens [s]."""


@dataclass(frozen=True)
class Estimate:
    """Requests, tokens, money and time."""

    requests: int
    prompt_tokens: int
    completion_tokens: int
    cost: int
    """[nano-USD]"""
    seconds: float

    def sentence(self, settings: TeacherSettings, tariff: Tariff) -> str:
        """Return the estimate as one sentence."""
        text = (
            f"{settings.model}: about {self.requests:,} requests, {self.prompt_tokens / 1e6:,.2f} M input tokens and "
            f"{self.completion_tokens / 1e6:,.2f} M output tokens"
        )
        if tariff.is_known:
            text += f", {as_usd(self.cost) if self.cost else 'free'}"
        if settings.budget_usd is not None:
            cap = int(settings.budget_usd * NANO)
            text += f" ({'more than the budget of' if self.cost > cap else 'budget'} {as_usd(cap)})"
        if settings.budget_tokens is not None:
            text += f" (budget {settings.budget_tokens:,} tokens)"
        return (
            f"{text}, {duration(self.seconds)} at {SECONDS_PER_ANSWER:g} s per answer; answers that are already in the "
            "journal cost nothing"
        )


def estimate(settings: TeacherSettings, requests: int, prompt_characters: int, answer_tokens: int) -> Estimate:
    """Estimate ``requests`` requests with ``prompt_characters`` in all prompts together and ``answer_tokens`` per answer.

    Raises RecipeError if the price is unknown.
    """
    prompt = round(prompt_characters / CHARACTERS_PER_TOKEN)
    completion = requests * answer_tokens
    at_once = settings.max_in_flight * len(settings.addresses)
    seconds = requests * SECONDS_PER_ANSWER / at_once
    if settings.requests_per_minute is not None:
        seconds = max(seconds, 60 * requests / settings.requests_per_minute / len(settings.addresses))
    if settings.tokens_per_minute is not None:
        seconds = max(seconds, 60 * (prompt + completion) / settings.tokens_per_minute / len(settings.addresses))
    return Estimate(requests, prompt, completion, tariff_of(settings).cost(prompt, completion), seconds)


def duration(seconds: float) -> str:
    """Return a human-readable duration."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 90 * 60 else f"{seconds / 3600:.1f} hours"
