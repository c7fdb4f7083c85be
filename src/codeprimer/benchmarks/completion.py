"""Completes functions with codeprimer's own model; needs torch.

Prompts with the same margin share a batch, because they share the rule that ends an answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from codeprimer.benchmarks.bodies import cut, has_left, margin_of
from codeprimer.model.generate import Limits, Stop, generate
from codeprimer.model.inference import for_use
from codeprimer.model.phi import Phi
from codeprimer.model.tokenizer import Tokenizer


def complete_prompts(model: Phi, tokenizer: Tokenizer, prompts: Sequence[str], new_tokens: int) -> list[str]:
    """Return the greedy completion of each prompt, cut where the body ends, with one newline at its end.

    A completion continues the prompt without its trailing whitespace, which is removed before tokenising.
    """
    model = for_use(model)
    by_margin: defaultdict[int, list[int]] = defaultdict(list)
    for index, prompt in enumerate(prompts):
        by_margin[margin_of(prompt)].append(index)
    completions = [""] * len(prompts)
    limits = Limits(new_tokens, frozenset({tokenizer.end_of_text}), tokenizer.vocab_size)
    for margin, indices in by_margin.items():
        ids = [tokenizer.encode_prompt(prompts[index]) for index in indices]
        for index, row in zip(indices, generate(model, ids, limits, _stop_at(margin, tokenizer)), strict=True):
            completions[index] = cut(tokenizer.decode(row), margin) + "\n"
    return completions


@dataclass(frozen=True)
class Answer:
    """A completion, and whether its body is complete."""

    completion: str
    finished: bool
    """False if the token limit was reached before the body ended."""


def complete_prompt(
    model: Phi, tokenizer: Tokenizer, prompt: str, new_tokens: int, tell: Callable[[str], None] | None = None
) -> Answer:
    """Return the completion that ``complete_prompts`` returns, with at most ``new_tokens`` tokens and within the context.

    ``tell`` is called with each piece of the text as it is generated.
    """
    ids, margin = tokenizer.encode_prompt(prompt), margin_of(prompt)
    limits = Limits(new_tokens, frozenset({tokenizer.end_of_text}), tokenizer.vocab_size)
    told = _Told(margin, tokenizer, tell or (lambda piece: None))
    heard = told.hear if tell else None
    row = generate(model, [ids], limits, _stop_at(margin, tokenizer), heard=heard)[0]
    text = tokenizer.decode(row)
    spent = len(row) >= min(new_tokens, model.config.context - len(ids))
    answer = Answer(cut(text, margin) + "\n", not spent or has_left(text, margin))
    told.finish(answer.completion)
    return answer


class _Told:
    """Passes on an answer while it is generated, but only text that will be part of the final answer."""

    def __init__(self, margin: int, tokenizer: Tokenizer, tell: Callable[[str], None]) -> None:
        self._margin, self._tokenizer, self._tell = margin, tokenizer, tell
        self._ids: list[int] = []
        self._told = ""

    def hear(self, _: int, token: int) -> None:
        """Pass on the text that a token adds. A character made of several tokens is passed on after the last of them."""
        self._ids.append(token)
        self.finish(cut(self._tokenizer.decode(self._ids), self._margin).rstrip("\ufffd"))

    def finish(self, text: str) -> None:
        """Pass on the part of a text that has not been passed on before."""
        if text.startswith(self._told) and len(text) > len(self._told):
            self._tell(text[len(self._told) :])
            self._told = text


def _stop_at(margin: int, tokenizer: Tokenizer) -> Stop:
    """Return a function that ends a row at the first token outside the body.

    It is called after every token, so it decodes only the current line.
    """
    breaking = frozenset(token for token in range(tokenizer.vocab_size) if b"\n" in tokenizer.token_bytes(token))

    def stop(ids: list[int]) -> bool:
        for place in range(len(ids) - 1, -1, -1):
            if ids[place] in breaking:
                return has_left(tokenizer.decode(ids[place:]), margin)
        return False

    return stop
