"""Any causal language model that ``transformers`` can load, on a GPU if there is one.

Prompts of similar length share a batch, padded on the left. The model's own sampling settings
(``generation_config.json``) are ignored, so that all models are sampled in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from codeprimer.benchmarks.backends.backend import SamplingOptions
from codeprimer.benchmarks.benchmark import Question
from codeprimer.core.errors import MissingExtraError, UserError
from codeprimer.core.seeds import derive_seed

WINDOW = 64
"""Number of questions that are sorted by length together."""

BATCH_TOKENS = 2**15
"""Maximum tokens in a batch, prompts and answers together; this limits memory use."""

_NEEDS_CODE = "trust_remote_code"


class TransformersBackend:
    """Any causal language model in a folder; needs the ``hub`` extra.

    In float32 on a CPU, each prompt gets the same greedy answer as it would alone, except for ties: padding changes the
    order of additions, and so may change which of two equally likely tokens is chosen.
    """

    gives_answers = False

    def __init__(self, folder: Path, batch_tokens: int = BATCH_TOKENS) -> None:
        """Raise MissingExtraError if transformers is not installed, UserError if it cannot load the folder."""
        try:
            import torch
            import transformers
        except ImportError:
            raise MissingExtraError("transformers", "hub", f"the backend transformers ({folder})") from None
        self._folder = folder
        self._batch_tokens = batch_tokens
        # Code that comes with a model is never run; without this option, transformers would ask on the terminal.
        options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **options)
            load: Any = transformers.AutoModelForCausalLM.from_pretrained
            model, found = load(folder, output_loading_info=True, **options)
        except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
            raise UserError(_why_not(folder, error)) from None
        if missing := sorted(found["missing_keys"]):
            more = f" and {len(missing) - 1} more weights" if len(missing) > 1 else ""
            raise UserError(f"{folder} lacks {missing[0]}{more}; download the checkpoint again")
        has_gpu = torch.cuda.is_available()
        self._device = torch.device("cuda" if has_gpu else "cpu")
        self._dtype = torch.bfloat16 if has_gpu else torch.float32
        self._model = model.to(device=self._device, dtype=self._dtype).eval()
        self._end = model.generation_config.eos_token_id
        model.generation_config = transformers.GenerationConfig(eos_token_id=self._end)  # type: ignore[no-untyped-call]  # it has no types
        self._context = int(getattr(model.config.get_text_config(), "max_position_embeddings", 2**20))

    def facts(self) -> dict[str, Any]:
        """Return the device and the precision."""
        precision = str(self._dtype).removeprefix("torch.")
        return {"backend": "transformers", "device": self._device.type, "precision": precision}

    def too_long(self, questions: Sequence[Question]) -> int:
        """Return the number of prompts that fill the context."""
        return sum(len(self._ids(question)) >= self._context for question in questions)

    def completions(self, questions: Sequence[Question], options: SamplingOptions) -> Iterator[list[str]]:
        """Yield completions; a prompt that fills the context gets empty completions.

        Raises UserError if a single answer does not fit into the GPU's memory.
        """
        for start in range(0, len(questions), WINDOW):
            window = questions[start : start + WINDOW]
            prompts = [self._ids(question) for question in window]
            rows = [
                number
                for number, prompt in enumerate(prompts)
                for _ in range(options.samples)
                if len(prompt) < self._context
            ]
            texts: list[list[str]] = [[] for _ in window]
            kinds = [(len(prompts[number]), window[number].stops) for number in rows]
            for place, batch in enumerate(batches(kinds, options.new_tokens, self._context, self._batch_tokens)):
                numbers = [rows[index] for index in batch]
                self._seed(derive_seed(options.seed, "samples", start, place))
                ids = [prompts[number] for number in numbers]
                said = self._continued(ids, window[numbers[0]].stops, options)
                for number, text in zip(numbers, said, strict=True):
                    texts[number].append(text)
            for row in texts:
                yield row or [""] * options.samples

    def _ids(self, question: Question) -> list[int]:
        ids: list[int] = self._tokenizer(question.prompt.rstrip()).input_ids
        return ids

    def _seed(self, seed: int) -> None:
        import torch

        torch.manual_seed(seed)

    def _continued(self, prompts: list[list[int]], stops: tuple[str, ...], options: SamplingOptions) -> list[str]:
        """Return the continuation of each prompt; a batch that does not fit into memory is split in two."""
        import torch

        try:
            return self._generate(prompts, stops, options)
        except torch.OutOfMemoryError:
            if len(prompts) == 1:
                raise UserError(
                    f"{self._folder}: one answer does not fit into the GPU's memory; lower --max-new-tokens"
                ) from None
        half = len(prompts) // 2
        return self._continued(prompts[:half], stops, options) + self._continued(prompts[half:], stops, options)

    def _generate(self, prompts: list[list[int]], stops: tuple[str, ...], options: SamplingOptions) -> list[str]:
        import torch

        longest = max(map(len, prompts))
        filler = self._filler()
        ids_BT = torch.tensor([[filler] * (longest - len(prompt)) + prompt for prompt in prompts])
        mask_BT = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        arguments: dict[str, Any] = {
            "attention_mask": mask_BT.to(self._device),
            "max_new_tokens": min(options.new_tokens, self._context - longest),
            "stop_strings": list(stops),
            "tokenizer": self._tokenizer,
            "pad_token_id": filler,
            "do_sample": options.temperature > 0,
        }
        if options.temperature > 0:
            arguments |= {"temperature": options.temperature, "top_p": options.top_p, "top_k": 0}
        with torch.inference_mode():
            made_BT = self._model.generate(ids_BT.to(self._device), **arguments)
        texts: list[str] = self._tokenizer.batch_decode(
            made_BT[:, longest:], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return texts

    def _filler(self) -> int:
        """Return the padding token's id; padding is masked before short prompts and cut off after short answers."""
        end = self._end[0] if isinstance(self._end, list) else self._end
        return next(int(one) for one in (self._tokenizer.eos_token_id, end, 0) if one is not None)


def batches(
    kinds: Sequence[tuple[int, tuple[str, ...]]], new_tokens: int, context: int, tokens: int
) -> Iterator[list[int]]:
    """Yield the rows of each batch, short rows first; ``kinds`` has each row's length [tokens] and stop strings.

    Rows with fewer than ``new_tokens`` tokens left in the ``context`` share a batch only with rows of the same length, so
    that each row gets as many tokens as it would alone.
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
            f"{folder} needs its own code (trust_remote_code), which is never run here; serve the model, for example with "
            "vLLM, and give the server's address"
        )
    reason = " ".join(str(error).split())[:200]
    return f"{folder} is not a checkpoint that transformers can load: {reason}"
