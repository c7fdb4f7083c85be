"""Docstrings, which describe a composition in words.

Each operation contributes one clause, in the order of application or with the result first. A few sentence frames join
the clauses, so every docstring specifies the complete behaviour.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from codeprimer.curriculum.operation import Operation, fill
from codeprimer.curriculum.values import TYPES

_SUBJECTS = {
    "integer": "the number",
    "ratio": "the number",
    "text": "the text",
    "pair": "the pair",
    "stack": "the stack",
    "account": "the balance",
}
"""The input's name in the first clause, by type; other types and later clauses use "it"."""

WIDTH = 112
"""Maximum length of a docstring line [characters]."""

FRAMES = {"plain": 65, "given": 30, "before": 5}
"""Sentence frames and their weights."""

USUAL_PROBABILITY = 0.5
"""The probability that an operation's first wording is used; otherwise one is drawn from all its wordings."""

Bound = Sequence[tuple[Operation, dict[str, str]]]
"""Operations with their parameters as source text."""


@dataclass(frozen=True)
class Specification:
    """What a function does, clause by clause."""

    text: str
    """The sentence of the docstring."""
    clauses: tuple[str, ...]
    """One clause per operation, as in the text; the last begins with "return"."""


def clause(operation: Operation, holes: dict[str, str], subject: str, random: Random) -> str:
    """Return one operation as a clause in the imperative."""
    return fill(_choose(operation.do, random), {**holes, "it": subject})


def outcome(operation: Operation, holes: dict[str, str], subject: str, random: Random) -> str:
    """Return the result of one operation as a noun phrase."""
    return fill(_choose(operation.give, random), {**holes, "it": subject})


def _choose(wordings: Sequence[str], random: Random) -> str:
    """Return the first wording with a fixed probability; otherwise draw from all wordings."""
    return wordings[0] if random.random() < USUAL_PROBABILITY else random.choice(wordings)


def subject_of(source: str) -> str:
    """Return the name that a clause uses for a function's input."""
    return _SUBJECTS.get(source, "it")


def specify(source: str, bound: Bound, random: Random) -> Specification:
    """Return the specification of a chain in words."""
    frame = random.choices(tuple(FRAMES), tuple(FRAMES.values()))[0]
    first = "it" if frame == "given" else subject_of(source)
    subjects = [first, *["it"] * (len(bound) - 1)]
    clauses = [clause(*one, subject, random) for one, subject in zip(bound[:-1], subjects, strict=False)]
    if frame == "before" and clauses:
        result = outcome(*bound[-1], "the result", random)
        text = f"Before you return {result}, {_join(clauses, random)[0]}."
    else:
        result = outcome(*bound[-1], subjects[-1], random)
        text = _in_order(clauses, result, random)
        if frame == "given":
            text = f"Given {random.choice(TYPES[source].described)}, {text}"
    return Specification(text[0].upper() + text[1:], (*clauses, f"return {result}"))


def _in_order(clauses: Sequence[str], result: str, random: Random) -> str:
    if not clauses:
        return f"return {result}."
    joined, said_then = _join(clauses, random)
    return f"{joined}{' and' if said_then or random.random() < 0.5 else ', then'} return {result}."


def _join(clauses: Sequence[str], random: Random) -> tuple[str, bool]:
    """Return the joined clauses, and whether "then" joins the last two."""
    if len(clauses) == 1 or random.random() < 0.5:
        return ", ".join(clauses), False
    return f"{', '.join(clauses[:-1])}, then {clauses[-1]}", True


def docstring(text: str, extra: Sequence[str], indent: str) -> str:
    """Return the docstring as indented source lines, with quotes; the ``extra`` lines come after a blank line."""
    lines = textwrap.wrap(text, WIDTH - len(indent), break_long_words=False, break_on_hyphens=False)
    if extra:
        lines += ["", *extra]
    if len(lines) == 1:
        return f'{indent}"""{lines[0]}"""\n'
    body = "\n".join(f"{indent}{line}" if line else "" for line in lines[1:])
    return f'{indent}"""{lines[0]}\n{body}\n{indent}"""\n'
