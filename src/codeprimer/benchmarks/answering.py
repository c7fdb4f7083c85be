"""Who answers: one of our models, or a file.

Reads a checkpoint's folder or a file of answers. One idea: all of them take questions and give texts, so a score says
which model it is of and nothing else changes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import orjson

from codeprimer.benchmarks.questions import Question
from codeprimer.core.errors import SourceError
from codeprimer.core.seeds import derive_seed

BATCH = 32
"""Questions that are answered before progress is shown."""


@dataclass(frozen=True)
class Asking:
    """How many answers of what kind are wanted; a temperature of 0 is greedy."""

    samples: int = 1
    new_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 0.95
    seed: int = 1


class Answerer(Protocol):
    """Somebody who answers questions."""

    def answers(self, questions: Sequence[Question], asking: Asking) -> Iterator[list[str]]:
        """Yield each question's answers, in order; what a model wrote beyond its answer is cut off."""
        ...

    def too_long(self, questions: Sequence[Question]) -> int:
        """Return how many questions cannot be answered because they fill the model's context."""
        ...

    def facts(self) -> dict[str, Any]:
        """Return how the answers are made, for ``scores.json``."""
        ...


class AnswerFile:
    """Answers from a file of JSON lines with ``task_id`` and ``completion``, in any order, several per task.

    They are whole programs or bodies already; nothing is cut off.
    """

    def __init__(self, path: Path) -> None:
        """Raise SourceError, naming the line, where the file is no such file."""
        self._answers: defaultdict[str, list[str]] = defaultdict(list)
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            if line.strip():
                task_id, completion = _record(path, number, line)
                self._answers[task_id].append(completion)
        self._path = path

    def answers(self, questions: Sequence[Question], asking: Asking) -> Iterator[list[str]]:
        """Yield the file's answers as they are. Raises SourceError where a question has none, or fewer than the others."""
        counts = {question.task_id: len(self._answers.get(question.task_id, ())) for question in questions}
        if not any(counts.values()):
            given = f"it has {next(iter(self._answers))!r}" if self._answers else "it is empty"
            wanted = questions[0].task_id
            raise SourceError(f"{self._path}: no line answers a task of this benchmark, such as {wanted!r}; {given}")
        for task_id, count in counts.items():
            if count != max(counts.values()) or not count:
                raise SourceError(
                    f"{self._path}: {count} answers to {task_id}, {max(counts.values())} to others; give every task "
                    "the same number of lines"
                )
        for question in questions:
            yield self._answers[question.task_id]

    def others(self, questions: Sequence[Question]) -> int:
        """Return how many lines answer none of the questions."""
        asked = {question.task_id for question in questions}
        return sum(len(texts) for task_id, texts in self._answers.items() if task_id not in asked)

    def too_long(self, questions: Sequence[Question]) -> int:
        """Return 0: nothing has to be read."""
        del questions
        return 0

    def facts(self) -> dict[str, Any]:
        """Return that they are from a file."""
        return {"backend": "file"}


def _record(path: Path, number: int, line: bytes) -> tuple[str, str]:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        record = None
    fault = _fault_of(record)
    if fault:
        raise SourceError(
            f"{path}, line {number}: not an answer: {fault}; a line is "
            '{"task_id": "HumanEval/0", "completion": "..."}'
        )
    task_id = record["task_id"]
    return (task_id if isinstance(task_id, str) else f"MBPP/{task_id}"), record["completion"]


def _fault_of(record: Any) -> str:
    """Return what keeps a record from being an answer; nothing where it is one."""
    if not isinstance(record, dict):
        return "it is no JSON object"
    for key, kinds in (("task_id", (str, int)), ("completion", (str,))):
        if key not in record:
            return f"it has no {key!r}"
        if type(record[key]) not in kinds:
            return f"its {key!r} is no text"
    return ""


class PhiAnswerer:
    """A checkpoint of ours; needs torch."""

    def __init__(self, folder: Path) -> None:
        """Raise UserError where the folder holds no checkpoint of ours."""
        import torch

        from codeprimer.model.checkpoint import load
        from codeprimer.model.inference import for_use
        from codeprimer.model.tokenizer import Tokenizer

        self._tokenizer = Tokenizer.load(folder)
        model, self._config = load(folder)
        if torch.cuda.is_available():
            model = model.to("cuda", torch.bfloat16)
        self._model = for_use(model)

    def facts(self) -> dict[str, Any]:
        """Return by what, where and in which precision answers are made."""
        weight = self._model.lm_head.weight
        precision = str(weight.dtype).removeprefix("torch.")
        return {"backend": "codeprimer", "device": weight.device.type, "precision": precision}

    def too_long(self, questions: Sequence[Question]) -> int:
        """Return how many prompts fill the context."""
        lengths = (len(self._tokenizer.encode_prompt(question.prompt)) for question in questions)
        return sum(length >= self._config.context for length in lengths)

    def answers(self, questions: Sequence[Question], asking: Asking) -> Iterator[list[str]]:
        """Yield answers; a prompt that fills the context gets empty ones."""
        from codeprimer.model.generate import Limits, Sampling, generate

        end = self._tokenizer.end_of_text
        limits = Limits(asking.new_tokens, frozenset({end}), self._tokenizer.vocab_size)
        for start in range(0, len(questions), BATCH):
            batch = [question for question in questions[start : start + BATCH] for _ in range(asking.samples)]
            ids = [self._tokenizer.encode_prompt(question.prompt) for question in batch]
            stop = _stop_at(batch[0].stops, self._tokenizer.decode)
            sampling = Sampling(asking.temperature, asking.top_p, derive_seed(asking.seed, "samples", start))
            rows = generate(self._model, ids, limits, stop, sampling)
            texts = [question.cut(self._tokenizer.decode(row)) for question, row in zip(batch, rows, strict=True)]
            for place in range(0, len(texts), asking.samples):
                yield texts[place : place + asking.samples]


def _stop_at(stops: tuple[str, ...], decode: Callable[[list[int]], str]) -> Callable[[list[int]], bool]:
    """Return a rule that ends a row once a stop is written; only the end, in which it may stand, is looked at."""
    reach = max(map(len, stops)) + 1

    def stop(ids: list[int]) -> bool:
        text = decode(ids[-reach:])
        return any(end in text for end in stops)

    return stop
