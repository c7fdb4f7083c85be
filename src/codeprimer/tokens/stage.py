"""The tokens stage: learn a vocabulary or use a model's, check that problems fit in the context, and encode every training set.

Writes ``tokenizer.json``, ``tokenizer_config.json``, ``<set>-00000.bin`` and the ``index`` table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from codeprimer.core.artifact import Artifact, Workspace
from codeprimer.core.documents import TOKEN_INDEX, unknown_sets
from codeprimer.core.stage import Sections, Stage, Stats, Step, Tools
from codeprimer.model.packed import INDEX
from codeprimer.model.tokenizer import TOKENIZER_FILE, Tokenizer
from codeprimer.reporting.blocks import Chapter
from codeprimer.reporting.facts import Facts
from codeprimer.tokens.encoding import encode
from codeprimer.tokens.fit import check_fit
from codeprimer.tokens.sets import Chosen, TrainingSet, open_sets
from codeprimer.tokens.settings import TokensSettings

_SHOWN_TOKENS = 20
_SHOWN_SAMPLE = 80


class TokensStage(Stage[TokensSettings]):
    """Turns clean texts into packed tokens."""

    name = "tokens"
    number = 60
    version = 2
    Settings = TokensSettings
    required_tables = (INDEX,)

    def __init__(self, start: bool = False) -> None:
        """``start``: use the tokenizer of the "start" input instead of learning a vocabulary."""
        self.reads = ("exam", "contamination", "start") if start else ("exam", "contamination")

    @classmethod
    def steps(cls, settings: TokensSettings, recipe: Sections, earlier: Sequence[Step]) -> Iterator[Step]:
        """Yield the only step, which reads the model to start from if the recipe specifies one."""
        stage = cls(start=recipe.section("start") is not None)
        yield Step(cls.number, cls.name, stage, settings, {name: name for name in stage.reads})

    @classmethod
    def contradictions(cls, settings: TokensSettings, recipe: Sections) -> Iterator[str]:
        """Yield a sentence per unknown training set and per setting that has no effect with a model to start from."""
        yield from unknown_sets("tokens.mixture", settings.mixture)
        yield from unknown_sets("tokens.limit_tokens", settings.limit_tokens)
        if recipe.section("start") is not None:
            for name in ("vocabulary", "sample_bytes", "mixture"):
                if getattr(settings, name) != getattr(TokensSettings(), name):
                    yield f"tokens.{name}: has no effect with start, which provides the tokenizer; remove it"

    @classmethod
    def chapter(cls, facts: Facts, examples: int) -> Chapter:
        """Return the report's chapter on the vocabulary and the training sets."""
        from codeprimer.tokens.chapter import tokens_chapter

        return tokens_chapter(facts)

    def run(self, settings: TokensSettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        """Write the tokenizer and the packed sets.

        Raises UserError if an exam or validation problem does not fit in the context.
        """
        sets = open_sets(inputs["contamination"])
        is_taken = "start" in inputs
        tokenizer = Tokenizer.load(inputs["start"].path) if is_taken else _learn(settings, sets, out, tools)
        tokenizer.save(out.path, settings.context)
        fits = check_fit(inputs["exam"], tokenizer, settings.context)
        facts = {}
        with out.table(INDEX, TOKEN_INDEX) as index:
            for training_set in sets:
                checked, bytes_per_token = _check(training_set, tokenizer, settings.checked_documents, tools.seed)
                chosen = _choose(training_set, settings, bytes_per_token, tools.seed)
                encoded = encode(training_set, chosen, settings.context, index, out, tools)
                size = int(training_set.sizes[chosen].sum())
                facts[training_set.name] = {
                    "documents": encoded.documents,
                    "documents_left_out": len(chosen) - encoded.documents,
                    "tokens": encoded.tokens,
                    "bytes": size,
                    "bytes_per_token": round(size / encoded.tokens, 4) if encoded.tokens else None,
                    "longer_than_context": encoded.longer_than_context,
                    "checked_against_tokenizers": checked,
                }
        stats = _stats(settings, tokenizer, fits, facts, sets)
        return replace(stats, facts=stats.facts | {"taken": True}) if is_taken else stats


def _learn(settings: TokensSettings, sets: Sequence[TrainingSet], out: Workspace, tools: Tools) -> Tokenizer:
    """Return a tokenizer whose vocabulary is learnt from these texts, once per work folder."""

    def make(folder: Path) -> None:
        from codeprimer.tokens.vocabulary import learn_vocabulary

        sample = _sample(settings, sets, tools.seed)
        (folder / TOKENIZER_FILE).write_bytes(learn_vocabulary(sample, settings.vocabulary))

    tokenizer = Tokenizer.load(out.once("tokenizer", make))
    if tokenizer.vocab_size < settings.vocabulary:
        tools.console.warn(
            f"tokens.vocabulary is {settings.vocabulary}, but the texts yield only {tokenizer.vocab_size} tokens"
        )
    return tokenizer


def _sample(settings: TokensSettings, sets: Sequence[TrainingSet], seed: int) -> Iterator[str]:
    """Yield the texts that the vocabulary is learnt from; the mixture determines each set's fraction of the bytes."""
    total = sum(settings.mixture.values())
    for training_set in sets:
        budget = settings.sample_bytes * settings.mixture.get(training_set.name, 0.0) / total
        yield from training_set.texts(training_set.draw(budget, seed, "vocabulary"))


def _check(training_set: TrainingSet, tokenizer: Tokenizer, documents: int, seed: int) -> tuple[int, float]:
    """Compare tiktoken and tokenizers on random documents; return the number of documents and their bytes per token."""
    from codeprimer.tokens.vocabulary import count_tokens

    chosen = training_set.draw_documents(documents, seed, "check")
    checked, tokens = count_tokens(tokenizer, training_set.texts(chosen))
    return checked, float(training_set.sizes[chosen].sum()) / max(tokens, 1)


def _choose(training_set: TrainingSet, settings: TokensSettings, bytes_per_token: float, seed: int) -> Chosen:
    limit = settings.limit_tokens.get(training_set.name)
    if limit is None:
        return training_set.everything()
    return training_set.draw(limit * bytes_per_token, seed, "limit")


def _stats(
    settings: TokensSettings,
    tokenizer: Tokenizer,
    fits: dict[str, Any],
    facts: dict[str, dict[str, Any]],
    sets: Sequence[TrainingSet],
) -> Stats:
    learnt = [token for token in range(tokenizer.vocab_size) if token != tokenizer.end_of_text]
    longest = sorted(learnt, key=lambda token: (-len(tokenizer.token_bytes(token)), token))[:_SHOWN_TOKENS]
    total = sum(row["tokens"] for row in facts.values())
    parts = ", ".join(f"{name} {row['tokens']:,}" for name, row in facts.items())
    return Stats(
        f"{total:,} tokens of a vocabulary of {tokenizer.vocab_size:,} ({parts})",
        {
            "vocabulary": tokenizer.vocab_size,
            "context": settings.context,
            "sets": facts,
            "fits": fits,
            "longest_tokens": [tokenizer.decode([token]) for token in longest],
            "sample": _sample_tokenisation(tokenizer, sets),
        },
    )


def _sample_tokenisation(tokenizer: Tokenizer, sets: Sequence[TrainingSet]) -> list[str]:
    """Return the first tokens of the first exercise, or of the last set that is not empty if there are no exercises."""
    for training_set in reversed(sets):
        for text in training_set.texts(training_set.everything()):
            return [tokenizer.decode([token]) for token in tokenizer.encode(text)[:_SHOWN_SAMPLE]]
    return []
