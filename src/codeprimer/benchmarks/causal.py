"""Any causal language model that ``transformers`` loads, on a GPU where there is one.

Reads a checkpoint's folder. One idea: prompts of like length are answered together, padded on the left, so that a
model of somebody else's is measured in minutes; what stands in its own configuration of how to draw is left out, so that
models differ and not their makers' taste.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from codeprimer.benchmarks.answering import Asking
from codeprimer.benchmarks.questions import Question
from codeprimer.core.errors import MissingExtraError, UserError
from codeprimer.core.seeds import derive_seed

WINDOW = 64
"""Questions that are sorted by length together; as many are answered before progress is shown."""

BATCH_TOKENS = 2**15
"""Prompts and answers of a batch have room for so many tokens together; this bounds memory."""

_NEEDS_CODE = "trust_remote_code"


class TransformersAnswerer:
    """Any causal language model in a folder; needs the extra ``hub``.

    In float32, on a CPU, greedy answers are those that each prompt would get alone, up to ties: padding changes the order
    in which numbers are added up, and so may change which of two tokens that are equally likely comes first.
    """

    def __init__(self, folder: Path, batch_tokens: int = BATCH_TOKENS) -> None:
        """Raise MissingExtraError without transformers, UserError where it cannot load the folder."""
        try:
            import torch
            import transformers
        except ImportError:
            raise MissingExtraError("transformers", "hub", f"a model of another kind ({folder})") from None
        self._folder = folder
        self._batch_tokens = batch_tokens
        # Code that comes with a model is never run; without a word here, one is asked on the terminal.
        options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **options)
            load: Any = transformers.AutoModelForCausalLM.from_pretrained
            model, found = load(folder, output_loading_info=True, **options)
        except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
            raise UserError(_why_not(folder, error)) from None
        if missing := sorted(found["missing_keys"]):
            more = f" and {len(missing) - 1} more weights" if len(missing) > 1 else ""
            raise UserError(f"{folder} lacks {missing[0]}{more}; answers would be those of random numbers")
        has_gpu = torch.cuda.is_available()
        self._device = torch.device("cuda" if has_gpu else "cpu")
        self._dtype = torch.bfloat16 if has_gpu else torch.float32
        self._model = model.to(device=self._device, dtype=self._dtype).eval()
        self._end = model.generation_config.eos_token_id
        model.generation_config = transformers.GenerationConfig(eos_token_id=self._end)  # type: ignore[no-untyped-call]  # it has no types
        self._context = int(getattr(model.config.get_text_config(), "max_position_embeddings", 2**20))

    def facts(self) -> dict[str, Any]:
        """Return by what, where and in which precision answers are made."""
        precision = str(self._dtype).removeprefix("torch.")
        return {"backend": "transformers", "device": self._device.type, "precision": precision}

    def too_long(self, questions: Sequence[Question]) -> int:
        """Return how many prompts fill the context."""
        return sum(len(self._ids(question)) >= self._context for question in questions)

    def answers(self, questions: Sequence[Question], asking: Asking) -> Iterator[list[str]]:
        """Yield answers; a prompt that fills the context gets empty ones. Raises UserError where memory is too small."""
        for start in range(0, len(questions), WINDOW):
            window = questions[start : start + WINDOW]
            prompts = [self._ids(question) for question in window]
            rows = [
                number
                for number, prompt in enumerate(prompts)
                for _ in range(asking.samples)
                if len(prompt) < self._context
            ]
            texts: list[list[str]] = [[] for _ in window]
            kinds = [(len(prompts[number]), window[number].stops) for number in rows]
            for place, batch in enumerate(batches(kinds, asking.new_tokens, self._context, self._batch_tokens)):
                numbers = [rows[index] for index in batch]
                self._seed(derive_seed(asking.seed, "samples", start, place))
                ids = [prompts[number] for number in numbers]
                said = self._continued(ids, window[numbers[0]].stops, asking)
                for number, text in zip(numbers, said, strict=True):
                    texts[number].append(window[number].cut(text))
            for row in texts:
                yield row or [""] * asking.samples

    def _ids(self, question: Question) -> list[int]:
        ids: list[int] = self._tokenizer(question.prompt.rstrip()).input_ids
        return ids

    def _seed(self, seed: int) -> None:
        import torch

        torch.manual_seed(seed)

    def _continued(self, prompts: list[list[int]], stops: tuple[str, ...], asking: Asking) -> list[str]:
        """Return what follows each prompt; a batch that does not fit into memory is answered by halves."""
        import torch

        try:
            return self._generate(prompts, stops, asking)
        except torch.OutOfMemoryError:
            if len(prompts) == 1:
                raise UserError(
                    f"{self._folder}: the GPU's memory is too small for one answer; give a smaller --max-new-tokens"
                ) from None
        half = len(prompts) // 2
        return self._continued(prompts[:half], stops, asking) + self._continued(prompts[half:], stops, asking)

    def _generate(self, prompts: list[list[int]], stops: tuple[str, ...], asking: Asking) -> list[str]:
        import torch

        longest = max(map(len, prompts))
        filler = self._filler()
        ids_BT = torch.tensor([[filler] * (longest - len(prompt)) + prompt for prompt in prompts])
        mask_BT = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        options: dict[str, Any] = {
            "attention_mask": mask_BT.to(self._device),
            "max_new_tokens": min(asking.new_tokens, self._context - longest),
            "stop_strings": list(stops),
            "tokenizer": self._tokenizer,
            "pad_token_id": filler,
            "do_sample": asking.temperature > 0,
        }
        if asking.temperature > 0:
            options |= {"temperature": asking.temperature, "top_p": asking.top_p, "top_k": 0}
        with torch.inference_mode():
            made_BT = self._model.generate(ids_BT.to(self._device), **options)
        texts: list[str] = self._tokenizer.batch_decode(
            made_BT[:, longest:], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return texts

    def _filler(self) -> int:
        """Return the id that stands before short prompts and after short answers; it is masked, and cut off."""
        end = self._end[0] if isinstance(self._end, list) else self._end
        return next(int(one) for one in (self._tokenizer.eos_token_id, end, 0) if one is not None)


def batches(
    kinds: Sequence[tuple[int, tuple[str, ...]]], new_tokens: int, context: int, tokens: int
) -> Iterator[list[int]]:
    """Yield which rows are answered together, short ones first; ``kinds`` has each row's length and where it ends.

    Rows that have less room than ``new_tokens`` before ``context`` share a batch with rows of their own length only, so
    that none gets fewer tokens than it would alone.
    """
    batch: list[int] = []
    for row in sorted(range(len(kinds)), key=lambda row: (kinds[row], row)):
        length, stops = kinds[row]
        if batch:
            before, stops_before = kinds[batch[-1]]
            is_tight = length + new_tokens > context
            is_full = (len(batch) + 1) * min(context, length + new_tokens) > tokens
            if is_full or stops != stops_before or (is_tight and length != before):
                yield batch
                batch = []
        batch.append(row)
    if batch:
        yield batch


def _why_not(folder: Path, error: Exception) -> str:
    if _NEEDS_CODE in str(error):
        return (
            f"{folder} can be loaded only by running code that lies in it, which is not done here; start a server that "
            "runs it, and give the server's address instead"
        )
    reason = " ".join(str(error).split())[:200]
    return f"{folder} is no checkpoint that transformers can load: {reason}"
