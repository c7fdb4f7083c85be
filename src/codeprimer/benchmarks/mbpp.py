"""MBPP, as it is distributed (Austin et al., 2021), with the prompts of the common harnesses.

- 0-shot: the task and its first test form a docstring, which the function follows (Fried et al., 2022; the BigCode
  harness).
- 3-shot: tasks 2, 3 and 4 with their tests and solutions precede the task; answers stand between ``[BEGIN]`` and
  ``[DONE]`` (Austin et al., 2021; the LM Evaluation Harness).
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

from pydantic import Field

from codeprimer.benchmarks.benchmark import make_task
from codeprimer.benchmarks.files import FileBenchmark, FileSettings, text
from codeprimer.core.documents import Task
from codeprimer.core.errors import UserError
from codeprimer.sandbox import Program

_EXAMPLES = ("MBPP/2", "MBPP/3", "MBPP/4")
_TEST_SPLIT = range(11, 511)
"""The task ids of MBPP's test split."""

_STOPS = ('\n"""', "\nassert", "\nprint", "\nif", "\nclass", "\n```")
"""Stop strings, most frequent first, because some servers accept only a few."""
_DONE = ("[DONE]",)


class MbppSettings(FileSettings):
    """How MBPP's tasks are asked."""

    shots: Literal[0, 3] = Field(default=0, description="Solved examples before each task.")
    whole: bool = Field(default=False, description="Use all tasks, not only the test split (11-510).")


class MbppBenchmark(FileBenchmark):
    """MBPP in the folder that CODEPRIMER_BENCHMARKS names, or another file in MBPP's format."""

    Settings = MbppSettings
    files = ("mbpp.jsonl", "mbpp.jsonl.gz")
    address = "https://github.com/google-research/google-research, mbpp/mbpp.jsonl"

    @classmethod
    def reads(cls, record: Mapping[str, Any]) -> bool:
        """Return whether the record has MBPP's key for tests."""
        return "test_list" in record

    @property
    def trusted_tests(self) -> bool:
        """Whether the file is the distributed file, whose tests are harmless."""
        return self.settings.path is None

    @property
    def stops(self) -> tuple[str, ...]:
        """The stop strings; with examples, this is ``[DONE]``, because the examples show that it ends an answer."""
        return _DONE if self.settings.shots else _STOPS

    @property
    def shows_form(self) -> bool:
        """Whether prompts contain solved examples."""
        return bool(self.settings.shots)

    def task(self, record: Mapping[str, Any]) -> Task:
        """Return the task in a record."""
        tests = [str(test) for test in record["test_list"]]
        prose = text(record, "text" if "text" in record else "prompt")
        code = text(record, "code").replace("\r\n", "\n")
        return make_task(
            f"MBPP/{int(record['task_id'])}",
            _called(tests, code),
            f'"""{prose}"""\n',
            code if code.endswith("\n") else code + "\n",
            tests,
            str(record.get("test_setup_code") or "\n".join(record.get("test_imports", []))),
        )

    def asked(self) -> list[Task]:
        """Return the test split, or all tasks. Raises UserError if the file lacks the tasks or examples needed."""
        found = [task for task in self.tasks() if self.settings.whole or _number(task) in _TEST_SPLIT]
        if not found:
            raise UserError(f"{self.path} contains no task of MBPP's test split (11-510); set whole: true to use all")
        if self.settings.shots and len(self._examples) < len(_EXAMPLES):
            raise UserError(f"{self.path} lacks {', '.join(_EXAMPLES)}, which shots: 3 needs; set shots: 0")
        return found

    def prompt(self, task: Task) -> str:
        """Return the task and its first test as a docstring, or the task after solved examples."""
        if self.settings.shots:
            shown = [_shown(example) + example["solution"].rstrip() + "\n[DONE]\n\n" for example in self._examples]
            return "".join(shown) + _shown(task)
        return f'"""\n{_prose(task)}\n{task["tests"][0]}\n"""\n'

    def program(self, task: Task, answer: str, together: bool = False) -> Program:
        """Return the program: the answer alone, because it is the whole function."""
        return Program(answer, tuple(task["tests"]), task["setup"], task["entry_point"], together)

    @cached_property
    def _examples(self) -> list[Task]:
        return [task for task in self.tasks() if task["task_id"] in _EXAMPLES]


def _number(task: Task) -> int:
    return int(task["task_id"].partition("/")[2])


def _shown(task: Task) -> str:
    tests = "\n".join(task["tests"])
    return (
        f"You are an expert Python programmer, and here is your task: {_prose(task)} Your code should pass these tests:"
        f"\n\n{tests}\n[BEGIN]\n"
    )


def _prose(task: Task) -> str:
    """Return a task's description; the row stores it as a docstring."""
    return task["prompt"].strip().removeprefix('"""').removesuffix('"""')


def _called(tests: list[str], code: str) -> str:
    """Return the name of the solution's function that the first test calls."""
    calls = [node.func for node in ast.walk(ast.parse(tests[0])) if isinstance(node, ast.Call)]
    names = [function.id for function in calls if isinstance(function, ast.Name)]
    defined = {node.name for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return next((name for name in names if name in defined), names[0] if names else "")
