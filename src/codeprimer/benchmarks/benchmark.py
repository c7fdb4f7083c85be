"""The contract for a benchmark: it reads tasks, builds prompts, cuts the answers and turns them into programs.

The defaults are those of HumanEval (Chen et al., 2021): the prompt is the start of a program, and the answer is the body
that continues it. A benchmark that is distributed as a file is derived from ``files.FileBenchmark`` instead, and only
has to turn one record into a task.
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
"""Stop strings for a function body, most frequent first, because some servers accept only a few."""


@dataclass(frozen=True)
class Question:
    """One task in the form that a model backend receives."""

    task_id: str
    prompt: str
    stops: tuple[str, ...]
    """Stop strings: the answer ends before the first one that occurs."""
    entry_point: str
    shows_form: bool = False
    """Whether the prompt contains solved examples, which show the form of an answer."""


class Benchmark(Plugin):
    """Reads tasks, builds prompts, cuts answers, and builds programs."""

    role: ClassVar[str] = "benchmark"
    seconds: ClassVar[float] = 5.0
    """Default CPU time limit per program [s]."""
    may_be_empty: ClassVar[bool] = False
    """Whether having no tasks is normal, so that no warning is printed."""

    @classmethod
    def reads(cls, record: Mapping[str, Any]) -> bool:
        """Return whether the benchmark can read a file or artefact, judging by the keys of ``record``.

        ``record`` is the first record of a file, or an artefact's manifest. This is called for every installed benchmark
        that has a ``path`` setting when a path is given in place of a benchmark.
        """
        del record
        return False

    @property
    def trusted_tests(self) -> bool:
        """Whether the tests are known not to harm the process that runs them, so that tasks may share a process."""
        return False

    @property
    def stops(self) -> tuple[str, ...]:
        """The stop strings: an answer ends before the first one that occurs."""
        return BODY_STOPS

    @property
    def shows_form(self) -> bool:
        """Whether prompts contain solved examples, which show the form of an answer."""
        return False

    @abstractmethod
    def tasks(self) -> Iterator[Task]:
        """Yield all tasks; the training data is checked against them."""

    def asked(self) -> list[Task]:
        """Return the tasks that models are evaluated on. Raises UserError if there are none."""
        return list(self.tasks())

    def prompt(self, task: Task) -> str:
        """Return the text that a model continues."""
        return task["prompt"]

    def question(self, task: Task) -> Question:
        """Return a task in the form that a model backend receives."""
        return Question(task["task_id"], self.prompt(task), self.stops, task["entry_point"], self.shows_form)

    def cut(self, task: Task, completion: str) -> str:
        """Return the part of a completion that is the answer."""
        del task
        return cut_at(completion, self.stops)

    def reference(self, task: Task) -> str:
        """Return the reference answer, which should pass the tests."""
        return task["solution"]

    def program(self, task: Task, answer: str, together: bool = False) -> Program:
        """Return the program built from an answer; ``together``: the program and its tests share a process."""
        return Program(task["prompt"] + answer, tuple(task["tests"]), task["setup"], task["entry_point"], together)


def cut_at(text: str, stops: Sequence[str]) -> str:
    """Return a text up to the first stop string that occurs in it."""
    ends = [place for stop in stops if (place := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text


def make_task(
    task_id: str, entry_point: str, prompt: str, solution: str, tests: Sequence[str], setup: str = ""
) -> Task:
    """Return a benchmark task that is not created from the curriculum.

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
    """Return the settings for a word that is not a benchmark kind, and so must be a path."""
    return {"kind": "file", "path": word}


BENCHMARK = Role("benchmark", fallback=as_path)
"""Marks a setting that selects a benchmark by its kind or by a path."""
