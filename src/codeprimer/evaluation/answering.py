"""Who answers: one of our models, any causal language model that ``transformers`` loads, or a file.

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

from codeprimer.core.errors import MissingExtraError, SourceError, UserError
from codeprimer.core.seeds import derive_seed
from codeprimer.evaluation.questions import Question

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
        from codeprimer.model.checkpoint import load
        from codeprimer.model.tokenizer import Tokenizer

        self._tokenizer = Tokenizer.load(folder)
        self._model, self._config = load(folder)

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


class TransformersAnswerer:
    """Any causal language model in a folder; needs the extra ``hub``."""

    def __init__(self, folder: Path) -> None:
        """Raise MissingExtraError without transformers, UserError where it cannot load the folder."""
        try:
            import transformers
        except ImportError:
            raise MissingExtraError("transformers", "hub", f"a model of another kind ({folder})") from None
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
            self._model = transformers.AutoModelForCausalLM.from_pretrained(folder, local_files_only=True).eval()  # type: ignore[no-untyped-call]  # it has no types
        except (OSError, ValueError, KeyError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"{folder} is no checkpoint that transformers can load: {reason}") from None
        self._context = int(getattr(self._model.config, "max_position_embeddings", 2**20))

    def too_long(self, questions: Sequence[Question]) -> int:
        """Return how many prompts fill the context."""
        lengths = (len(self._tokenizer(question.prompt.rstrip()).input_ids) for question in questions)
        return sum(length >= self._context for length in lengths)

    def answers(self, questions: Sequence[Question], asking: Asking) -> Iterator[list[str]]:
        """Yield answers; a prompt that fills the context gets empty ones."""
        import torch

        torch.manual_seed(derive_seed(asking.seed, "samples"))
        for question in questions:
            inputs = self._tokenizer(question.prompt.rstrip(), return_tensors="pt")
            length = inputs.input_ids.shape[1]
            if length >= self._context:
                yield [""] * asking.samples
                continue
            with torch.inference_mode():
                ids_BT = self._model.generate(**inputs, **self._options(question, asking, length))
            texts = self._tokenizer.batch_decode(ids_BT[:, length:], skip_special_tokens=True)
            yield [question.cut(text) for text in texts]

    def _options(self, question: Question, asking: Asking, length: int) -> dict[str, Any]:
        options: dict[str, Any] = {
            "max_new_tokens": min(asking.new_tokens, self._context - length),
            "stop_strings": list(question.stops),
            "tokenizer": self._tokenizer,
            "pad_token_id": self._tokenizer.eos_token_id,
            "num_return_sequences": asking.samples,
            "do_sample": asking.temperature > 0,
        }
        if asking.temperature > 0:
            options |= {"temperature": asking.temperature, "top_p": asking.top_p, "top_k": 0}
        return options


def open_model(folder: Path, backend: str = "auto") -> PhiAnswerer | TransformersAnswerer:
    """Return the model in a folder: ours where it is one of ours, else whatever ``transformers`` makes of it.

    ``backend`` may insist on one of them: ``codeprimer`` or ``transformers``. Raises UserError where there is no
    checkpoint, or none of that kind.
    """
    from codeprimer.model.config import CONFIG_FILE

    if not (folder / CONFIG_FILE).is_file():
        raise UserError(f"{folder} holds no {CONFIG_FILE}, so it is no checkpoint; give a run, a checkpoint or a file")
    if backend == "transformers":
        return TransformersAnswerer(folder)
    try:
        return PhiAnswerer(folder)
    except UserError:
        if backend == "codeprimer":
            raise
        return TransformersAnswerer(folder)
