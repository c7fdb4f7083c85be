"""HumanEval's problems, and the calls that their tests make of the canonical solutions."""

from __future__ import annotations

import ast
import contextlib
import copy
import gzip
import io
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeprimer.sandbox import Program

FILE = "HumanEval.jsonl.gz"


@dataclass(frozen=True)
class Problem:
    """One record of the file."""

    task_id: str
    prompt: str
    entry_point: str
    canonical_solution: str
    test: str

    @property
    def source(self) -> str:
        """The canonical program."""
        return self.prompt + self.canonical_solution

    @property
    def tests(self) -> str:
        """The tests and the call that runs them."""
        return f"{self.test}\ncheck({self.entry_point})"

    @property
    def setup(self) -> str:
        """The prompt's code before the requested function if the tests use it, otherwise an empty string."""
        before = self.prompt[: self.prompt.rindex(f"def {self.entry_point}")]
        used = {node.id for node in ast.walk(ast.parse(self.test)) if isinstance(node, ast.Name)}
        helpers = {node.name for node in ast.parse(before).body if isinstance(node, ast.FunctionDef)}
        return before if helpers & used else ""

    def program(self, source: str) -> Program:
        """Return a solution in the sandbox's format."""
        return Program(source, (self.tests,), self.setup, self.entry_point)


@dataclass(frozen=True)
class Calls:
    """The tests' calls to the canonical solution: arguments and answers in order, and the time of each call [s]."""

    arguments: list[list[Any]]
    answers: list[Any]
    seconds: list[float]


def read_problems(folder: Path) -> Iterator[Problem]:
    """Yield the problems in file order."""
    with gzip.open(folder / FILE, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            yield Problem(**{name: record[name] for name in Problem.__dataclass_fields__})


def record_calls(problem: Problem) -> Calls:
    """Run a problem's own tests on its canonical solution and return their calls, which are copied immediately."""
    calls = Calls([], [], [])
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        random.seed(0)
        exec(problem.source, names)
        # The tests get their own namespace, so that a solution's calls to itself are not recorded.
        tests = names | {problem.entry_point: _recorder(names[problem.entry_point], calls)}
        exec(problem.tests, tests)
    return calls


def _recorder(function: Callable[..., Any], calls: Calls) -> Callable[..., Any]:
    def candidate(*arguments: Any) -> Any:
        calls.arguments.append(copy.deepcopy(list(arguments)))
        started = time.perf_counter()
        answer = function(*arguments)
        calls.seconds.append(time.perf_counter() - started)
        calls.answers.append(copy.deepcopy(answer))
        return answer

    return candidate
