"""What models cost: the recipe's own word, else a dated table.

Reads the settings. Its one idea: money is counted in whole nano-dollars, so that sums are exact and a cap holds to the
cent; a price that nobody knows is an error and never zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from codeprimer.core.errors import RecipeError
from codeprimer.teachers.settings import Price, TeacherSettings

AS_OF = "2026-06"
"""When the table was last compared with what providers say."""

TABLE: dict[str, tuple[float, float]] = {
    "gpt-4.1": (2.00, 8.00),
    "gpt-4.1-mini": (0.40, 1.60),
    "gpt-4.1-nano": (0.10, 0.40),
    "gpt-4o": (2.50, 10.00),
    "gpt-4o-mini": (0.15, 0.60),
    "gpt-5": (1.25, 10.00),
    "gpt-5-mini": (0.25, 2.00),
    "gpt-5-nano": (0.05, 0.40),
    "gpt-3.5-turbo": (0.50, 1.50),
    "text-embedding-3-small": (0.02, 0.0),
    "text-embedding-3-large": (0.13, 0.0),
}
"""List prices for what is sent and what is answered [USD per million tokens]."""

NANO = 10**9
_PER_TOKEN = NANO // 10**6
"""From USD per million tokens to nano-USD per token."""


@dataclass(frozen=True)
class Tariff:
    """What one token costs: whole numbers of nano-USD, divided by ``scale``."""

    input: int
    output: int
    scale: int = 1
    is_known: bool = True
    """False where only tokens are counted."""

    def cost(self, prompt_tokens: int, completion_tokens: int) -> int:
        """Return what an answer costs, rounded up [nano-USD]."""
        return -(-(self.input * prompt_tokens + self.output * completion_tokens) // self.scale)


def tariff_of(settings: TeacherSettings, section: str = "teacher") -> Tariff:
    """Return what a teacher costs; ``section`` is its name in the recipe.

    Raises RecipeError where no price is known and tokens alone are not what the budget counts.
    """
    price = settings.price
    if price is None:
        known = TABLE.get(settings.model)
        price = None if known is None else Price(input=known[0], output=known[1])
    if price == "free":
        price = Price(input=0.0, output=0.0)
    if price is None:
        if settings.budget_tokens is not None:
            return Tariff(0, 0, is_known=False)
        raise RecipeError(
            f"{section}.price: what {settings.model!r} costs is not known (the table is of {AS_OF}); give "
            "price: {input: ..., output: ...} in USD per million tokens, or price: free for a server of your own, or cap "
            "tokens instead of money with budget_tokens"
        )
    share = Fraction(repr(settings.batch_price)) if settings.batch else Fraction(1)
    given, answered = _exact(price.input) * share, _exact(price.output) * share
    scale = math.lcm(given.denominator, answered.denominator)
    return Tariff(int(given * scale), int(answered * scale), scale)


def _exact(usd_per_million: float) -> Fraction:
    """Return the decimal number that was written in the recipe, not its nearest binary one [nano-USD per token]."""
    return Fraction(repr(usd_per_million)) * _PER_TOKEN


def as_usd(nano: int) -> str:
    """Return an amount for people: cents, or more places where there are no whole cents."""
    usd = nano / NANO
    if usd >= 0.1 or nano == 0:
        return f"{usd:,.2f} USD"
    return f"{usd:.4f} USD" if usd >= 0.0001 else "less than 0.0001 USD"
