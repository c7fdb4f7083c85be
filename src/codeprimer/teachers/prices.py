"""What models cost: the recipe's price, or else a dated price table.

Reads the settings. Key idea: money is counted in whole nano-dollars, so sums and budgets are exact. An unknown price is an
error, never zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from codeprimer.core.errors import RecipeError
from codeprimer.teachers.settings import Price, TeacherSettings

AS_OF = "2026-06"
"""When the table was last checked against the providers' price lists."""

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
"""List prices for input and output [USD per million tokens]."""

NANO = 10**9
_PER_TOKEN = NANO // 10**6
"""Converts USD per million tokens to nano-USD per token."""


@dataclass(frozen=True)
class Tariff:
    """The prices of one input token and one output token: integers [nano-USD], to be divided by ``scale``."""

    input: int
    output: int
    scale: int = 1
    is_known: bool = True
    """False if only tokens are counted."""

    def cost(self, prompt_tokens: int, completion_tokens: int) -> int:
        """Return the cost of an answer, rounded up [nano-USD]."""
        return -(-(self.input * prompt_tokens + self.output * completion_tokens) // self.scale)


def tariff_of(settings: TeacherSettings, section: str = "teacher") -> Tariff:
    """Return a teacher's tariff; ``section`` is the teacher's section in the recipe, for messages.

    Raises RecipeError if the price is unknown and the budget is not in tokens.
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
            f"{section}.price: the price of {settings.model!r} is unknown (table of {AS_OF}); set "
            "price: {input: ..., output: ...} in USD per million tokens, price: free for your own server, or limit tokens "
            "instead of money with budget_tokens"
        )
    factor = Fraction(repr(settings.batch_price)) if settings.batch else Fraction(1)
    given, answered = _exact(price.input) * factor, _exact(price.output) * factor
    scale = math.lcm(given.denominator, answered.denominator)
    return Tariff(int(given * scale), int(answered * scale), scale)


def _exact(usd_per_million: float) -> Fraction:
    """Return the exact decimal number in the recipe, not the nearest binary float [nano-USD per token]."""
    return Fraction(repr(usd_per_million)) * _PER_TOKEN


def as_usd(nano: int) -> str:
    """Return a human-readable amount: two decimals, or four below 0.1 USD."""
    usd = nano / NANO
    if usd >= 0.1 or nano == 0:
        return f"{usd:,.2f} USD"
    return f"{usd:.4f} USD" if usd >= 0.0001 else "less than 0.0001 USD"
