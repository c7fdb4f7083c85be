"""How benchmarks ask: prompts, the rules that end an answer, and the program that an answer makes.

Reads rows of the table ``benchmarks`` (``TASKS``). One idea: each way of asking is what the harness that made it known
does, so that scores can be compared with published ones.

- HumanEval: the signature and docstring, to be completed (Chen et al., 2021).
- MBPP, 0-shot: the task and its first test as a docstring, to be followed by the function (Fried et al., 2022; the
  BigCode harness).
- MBPP, 3-shot: the tasks 2, 3 and 4 with their tests and solutions first, answers between ``[BEGIN]`` and ``[DONE]``
  (Austin et al., 2021; the LM Evaluation Harness).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codeprimer.sandbox import Program

SHOTS = (0, 3)
_EXAMPLES = ("MBPP/2", "MBPP/3", "MBPP/4")
_TEST_SPLIT = range(11, 511)
"""The tasks of MBPP that its authors test on."""

_HUMANEVAL_STOPS = ("\ndef", "\nif", "\nclass", "\nprint", "\n#", "\n@", "\n```")
_MBPP_STOPS = ('\n"""', "\nassert", "\nprint", "\nif", "\nclass", "\n```")
"""Those that most answers meet come first: some servers take only so many."""
DONE = ("[DONE]",)
"""What ends an answer where examples have shown that it does."""


@dataclass(frozen=True)
class Question:
    """One problem as a model meets it."""

    task_id: str
    prompt: str
    stops: tuple[str, ...]
    """An answer ends before the first of these."""
    solution: str
    """An answer that passes."""
    before: str
    """What precedes an answer in the program."""
    tests: tuple[str, ...]
    setup: str
    entry_point: str
    is_mbpp: bool = False

    def program(self, answer: str, together: bool = False) -> Program:
        """Return the program that an answer makes."""
        return Program(self.before + answer, self.tests, self.setup, self.entry_point, together)

    def cut(self, completion: str) -> str:
        """Return the part of a completion that is the answer."""
        ends = [place for stop in self.stops if (place := completion.find(stop)) >= 0]
        return completion[: min(ends)] if ends else completion


def questions(rows: Sequence[Mapping[str, Any]], shots: int, whole: bool) -> list[Question]:
    """Return the questions of a benchmark, in its order; of MBPP its test split, or all of it if ``whole``."""
    examples = [row for row in rows if row["task_id"] in _EXAMPLES]
    chosen = [row for row in rows if whole or not _is_mbpp(row) or _number(row) in _TEST_SPLIT]
    return [_question(row, examples if shots else []) for row in chosen]


def _is_mbpp(row: Mapping[str, Any]) -> bool:
    benchmark, _, number = str(row["task_id"]).partition("/")
    return benchmark == "MBPP" and number.isdecimal()


def _number(row: Mapping[str, Any]) -> int:
    return int(str(row["task_id"]).partition("/")[2])


def _question(row: Mapping[str, Any], examples: Sequence[Mapping[str, Any]]) -> Question:
    facts = row["solution"], "", tuple(row["tests"]), row["setup"], row["entry_point"]
    if not _is_mbpp(row):
        solution, _, *rest = facts
        return Question(row["task_id"], row["prompt"], _HUMANEVAL_STOPS, solution, row["prompt"], *rest)
    if examples:
        shown = [_shown(example) + example["solution"].rstrip() + "\n[DONE]\n\n" for example in examples]
        return Question(row["task_id"], "".join(shown) + _shown(row), DONE, *facts, is_mbpp=True)
    prompt = f'"""\n{_prose(row)}\n{row["tests"][0]}\n"""\n'
    return Question(row["task_id"], prompt, _MBPP_STOPS, *facts, is_mbpp=True)


def _shown(row: Mapping[str, Any]) -> str:
    tests = "\n".join(row["tests"])
    return (
        f"You are an expert Python programmer, and here is your task: {_prose(row)} Your code should pass these tests:"
        f"\n\n{tests}\n[BEGIN]\n"
    )


def _prose(row: Mapping[str, Any]) -> str:
    """Return a task's words; the table holds them as the docstring that they would be."""
    return str(row["prompt"]).strip().removeprefix('"""').removesuffix('"""')
