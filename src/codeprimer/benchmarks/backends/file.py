"""Answers from a file of JSON lines with ``task_id`` and ``completion``, in any order, with one or more per task."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from codeprimer.benchmarks.backends.backend import SamplingOptions
from codeprimer.benchmarks.benchmark import Question
from codeprimer.core.errors import SourceError


class AnswerFile:
    """Answers from a file.

    They are already function bodies or whole programs. A numeric ``task_id`` stands for the benchmark's task with that number:
    11 for MBPP/11.
    """

    gives_answers = True

    def __init__(self, path: Path) -> None:
        """Raise SourceError, which names the line, if a line is not an answer."""
        self._answers: defaultdict[str | int, list[str]] = defaultdict(list)
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            if line.strip():
                task_id, completion = _record(path, number, line)
                self._answers[task_id].append(completion)
        self._path = path

    def completions(self, questions: Sequence[Question], options: SamplingOptions) -> Iterator[list[str]]:
        """Yield the file's answers unchanged.

        Raises SourceError if a question has no answer, or fewer answers than the others.
        """
        del options
        found = {question.task_id: self._of(question) for question in questions}
        counts = {task_id: len(texts) for task_id, texts in found.items()}
        most = max(counts.values())
        if not most:
            given = f"the first line has {next(iter(self._answers))!r}" if self._answers else "the file is empty"
            wanted = questions[0].task_id
            raise SourceError(f"{self._path}: no line answers a task of this benchmark, such as {wanted!r}; {given}")
        for task_id, count in counts.items():
            if count != most:
                raise SourceError(
                    f"{self._path}: {count} answers to {task_id}, {most} to others; give every task the same number of lines"
                )
        yield from found.values()

    def _of(self, question: Question) -> list[str]:
        number = _number(question.task_id)
        return self._answers.get(question.task_id, []) + (self._answers.get(number, []) if number is not None else [])

    def others(self, questions: Sequence[Question]) -> int:
        """Return the number of lines that do not answer any of the questions."""
        return sum(map(len, self._answers.values())) - sum(len(self._of(question)) for question in questions)

    def too_long(self, questions: Sequence[Question]) -> int:
        """Return 0: no model reads the prompts."""
        del questions
        return 0

    def facts(self) -> dict[str, Any]:
        """Return the kind of the backend."""
        return {"backend": "file"}


def _number(task_id: str) -> int | None:
    """Return the number at the end of a task's id, if any."""
    number = task_id.rpartition("/")[2]
    return int(number) if number.isdecimal() else None


def _record(path: Path, number: int, line: bytes) -> tuple[str | int, str]:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        record = None
    if fault := _fault_of(record):
        raise SourceError(
            f"{path}, line {number}: not an answer: {fault}; a valid line is "
            '{"task_id": "HumanEval/0", "completion": "..."}'
        )
    return record["task_id"], record["completion"]


def _fault_of(record: Any) -> str:
    """Return why a record is not an answer, or an empty string if it is."""
    if not isinstance(record, dict):
        return "it is not a JSON object"
    for key, kinds in (("task_id", (str, int)), ("completion", (str,))):
        if key not in record:
            return f"it has no {key!r}"
        if type(record[key]) not in kinds:
            return f"its {key!r} has the wrong type"
    return ""
