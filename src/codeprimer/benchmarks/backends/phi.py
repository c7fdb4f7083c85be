"""Checkpoints of codeprimer's own model; needs torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from codeprimer.benchmarks.backends.backend import SamplingOptions
from codeprimer.benchmarks.benchmark import Question
from codeprimer.core.seeds import derive_seed

BATCH = 32
"""Number of questions per batch."""


class PhiBackend:
    """A checkpoint of codeprimer's own model."""

    gives_answers = False

    def __init__(self, folder: Path) -> None:
        """Raise UserError if the folder does not contain a codeprimer checkpoint."""
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
        """Return the device and the precision."""
        weight = self._model.lm_head.weight
        precision = str(weight.dtype).removeprefix("torch.")
        return {"backend": "codeprimer", "device": weight.device.type, "precision": precision}

    def too_long(self, questions: Sequence[Question]) -> int:
        """Return the number of prompts that fill the context."""
        lengths = (len(self._tokenizer.encode_prompt(question.prompt)) for question in questions)
        return sum(length >= self._config.context for length in lengths)

    def completions(self, questions: Sequence[Question], options: SamplingOptions) -> Iterator[list[str]]:
        """Yield completions; a prompt that fills the context gets empty completions."""
        from codeprimer.model.generate import Limits, Sampling, generate

        end = self._tokenizer.end_of_text
        limits = Limits(options.new_tokens, frozenset({end}), self._tokenizer.vocab_size)
        for start, alike in _batches(questions):
            batch = [question for question in alike for _ in range(options.samples)]
            ids = [self._tokenizer.encode_prompt(question.prompt) for question in batch]
            stop = _stop_at(alike[0].stops, self._tokenizer.decode)
            sampling = Sampling(options.temperature, options.top_p, derive_seed(options.seed, "samples", start))
            rows = generate(self._model, ids, limits, stop, sampling)
            texts = [self._tokenizer.decode(row) for row in rows]
            for place in range(0, len(texts), options.samples):
                yield texts[place : place + options.samples]


def _batches(questions: Sequence[Question]) -> Iterator[tuple[int, list[Question]]]:
    """Yield batches of consecutive questions with equal stop strings, each with the place of its first question."""
    start = 0
    for _, alike in groupby(questions, key=lambda question: question.stops):
        rest = list(alike)
        for place in range(0, len(rest), BATCH):
            yield start + place, rest[place : place + BATCH]
        start += len(rest)


def _stop_at(stops: tuple[str, ...], decode: Callable[[list[int]], str]) -> Callable[[list[int]], bool]:
    """Return a function that ends a row at a stop string; it decodes only the end of the row."""
    reach = max(map(len, stops), default=0) + 1

    def stop(ids: list[int]) -> bool:
        text = decode(ids[-reach:])
        return any(end in text for end in stops)

    return stop
