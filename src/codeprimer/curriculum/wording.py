"""Docstrings: a composition in words.

Reads the wordings of operations. Its one idea: each operation contributes one clause, in the order of application or
with the result first, and a handful of frames joins the clauses; so every docstring says the whole behaviour.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from random import Random

from codeprimer.curriculum.operation import Operation, fill
from codeprimer.curriculum.values import TYPES

_SUBJECTS = {"integer": "the number", "ratio": "the number", "text": "the text", "pair": "the pair",
    "stack": "the stack", "account": "the balance"}
WIDTH = 96
"""The longest line of a docstring [characters]."""

Bound = Sequence[tuple[Operation, dict[str, str]]]
"""Operations with the texts of their parameters."""


def clause(operation: Operation, holes: dict[str, str], first: bool, random: Random) -> str:
    """Return one operation as a clause in the imperative."""
    return _say(random.choice(operation.do), operation, holes, first)


def outcome(operation: Operation, holes: dict[str, str], first: bool, random: Random) -> str:
    """Return the result of one operation as a noun phrase."""
    return _say(random.choice(operation.give), operation, holes, first)


def _say(template: str, operation: Operation, holes: dict[str, str], first: bool) -> str:
    subject = _SUBJECTS.get(operation.source, "it") if first else "it"
    return fill(template, {**holes, "it": subject})


def describe(source: str, bound: Bound, random: Random) -> str:
    """Return the specification as one or two sentences."""
    clauses = [clause(operation, holes, index == 0, random) for index, (operation, holes) in enumerate(bound[:-1])]
    last, holes = bound[-1]
    result = outcome(last, holes, not clauses, random)
    if random.random() < 0.3:
        return f"Given {random.choice(TYPES[source].described)}, " + _lower_steps(clauses, result, random)
    if clauses and random.random() < 0.2:
        return f"Return {result}, but first {_join(clauses, random)}."
    return _capitalized(_lower_steps(clauses, result, random))


def _lower_steps(clauses: Sequence[str], result: str, random: Random) -> str:
    if not clauses:
        return f"return {result}."
    closing = random.choice((", then return ", " and return ", ", and finally return "))
    return f"{_join(clauses, random)}{closing}{result}."


def _join(clauses: Sequence[str], random: Random) -> str:
    return random.choice((", ", ", then ")).join(clauses)


def _capitalized(text: str) -> str:
    return text[0].upper() + text[1:]


def docstring(text: str, extra: Sequence[str], indent: str) -> str:
    """Return the docstring as indented source lines, quotes included; ``extra`` lines follow after a blank one."""
    lines = textwrap.wrap(text, WIDTH - len(indent), break_long_words=False, break_on_hyphens=False)
    if extra:
        lines += ["", *extra]
    if len(lines) == 1:
        return f'{indent}"""{lines[0]}"""\n'
    body = "\n".join(f"{indent}{line}" if line else "" for line in lines[1:])
    return f'{indent}"""{lines[0]}\n{body}\n{indent}"""\n'
