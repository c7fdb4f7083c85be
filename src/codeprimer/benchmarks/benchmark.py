"""The contract of a benchmark: it reads tasks, asks them, cuts the answers and makes programs of them.

The defaults are HumanEval's (Chen et al., 2021): the prompt is the start of a program, and the answer is the body that
continues it. A benchmark that comes as a file derives from ``files.FileBenchmark`` instead and only reads one record.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from codeprimer.core.documents import Task
from codeprimer.core.plugins import Plugin, Role
from codeprimer.sandbox import Program

BODY_STOPS = ("\ndef", "\nif", "\nclass", "\nprint", "\n#", "\n@", "\n```")
"""The stop strings of a function's body. The most frequent come first: some servers accept only a few."""


@dataclass(frozen=True)
class Question:
    """One task as a model backend sees it."""

    task_id: str
    prompt: str
    stops: tuple[str, ...]
    """Stop strings: the answer ends before the first of them."""
    entry_point: str
    shows_form: bool = False
    """Whether the prompt contains solved examples, which show the form of an answer."""


class Benchmark(Plugin):
    """Reads tasks, builds prompts, cuts answers, makes programs."""

    seconds: ClassVar[float] = 5.0
    """Default CPU time per program [s]."""
    may_be_empty: ClassVar[bool] = False
    """Whether having no tasks is normal, so that no warning is printed."""

    @classmethod
    def reads(cls, record: Mapping[str, Any]) -> bool:
        """Return whether the benchmark reads files with such records, by their keys.

        Asked of every installed benchmark with a setting ``path`` when a path stands where a benchmark is expected.
        ``record`` is the first record of a file, or the manifest of an artefact.
        """
        del record
        return False

    @property
    def trusted_tests(self) -> bool:
        """Whether the tests are known to do no harm to the process that runs them, so that tasks may share one."""
        return False

    @property
    def stops(self) -> tuple[str, ...]:
        """The stop strings: an answer ends before the first of them."""
        return BODY_STOPS

    @property
    def shows_form(self) -> bool:
        """Whether prompts contain solved examples, which show the form of an answer."""
        return False

    @abstractmethod
    def tasks(self) -> Iterator[Task]:
        """Yield all tasks; the training data is checked against them."""

    def asked(self) -> list[Task]:
        """Return the tasks that models are evaluated on. Raises UserError where there are none."""
        return list(self.tasks())

    def prompt(self, task: Task) -> str:
        """Return what a model continues."""
        return task["prompt"]

    def question(self, task: Task) -> Question:
        """Return a task as a model backend sees it."""
        return Question(task["task_id"], self.prompt(task), self.stops, task["entry_point"], self.shows_form)

    def cut(self, task: Task, completion: str) -> str:
        """Return the part of a completion that is the answer."""
        del task
        return cut_at(completion, self.stops)

    def reference(self, task: Task) -> str:
        """Return an answer that passes."""
        return task["solution"]

    def program(self, task: Task, answer: str, together: bool = False) -> Program:
        """Return the program that an answer makes; ``together``: in one process with its tests."""
        return Program(task["prompt"] + answer, tuple(task["tests"]), task["setup"], task["entry_point"], together)


def cut_at(text: str, stops: Sequence[str]) -> str:
    """Return a text up to the first of the stop strings."""
    ends = [place for stop in stops if (place := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text


def make_task(
    task_id: str, entry_point: str, prompt: str, solution: str, tests: Sequence[str], setup: str = ""
) -> Task:
    """Return a task of a benchmark that is not made from the curriculum.

    ``solution`` continues the prompt, so it is an indented body; ``tests`` are assert statements, or code that calls the
    function. Raises TypeError if ``tests`` is a string.
    """
    if isinstance(tests, str):
        raise TypeError("tests must be a list of strings, not a string")
    return Task(
        task_id=task_id,
        blueprint=None,
        concepts=[],
        entry_point=entry_point,
        prompt=prompt,
        solution=solution,
        tests=list(tests),
        setup=setup,
    )


def as_path(word: str) -> dict[str, Any]:
    """Return the settings that a word stands for which is no kind of benchmark: it is a path."""
    return {"kind": "file", "path": word}


BENCHMARK = Role("benchmark", fallback=as_path)
"""Marks a setting that selects a benchmark by its kind or by a path."""
