"""The tokens stage: learn a vocabulary, check that problems fit, encode every training set.

Writes ``tokenizer.json``, ``tokenizer_config.json``, ``<set>-00000.bin`` and the table ``index``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from codeprimer.core.artifact import Artifact, Workspace
from codeprimer.core.documents import TOKEN_INDEX
from codeprimer.core.errors import RecipeError
from codeprimer.core.seeds import numpy_random
from codeprimer.core.shards import read_batches
from codeprimer.core.stage import Stage, Stats, Tools
from codeprimer.model.packed import INDEX, PackedWriter
from codeprimer.model.tokenizer import TOKENIZER_FILE, Tokenizer
from codeprimer.tokens.choice import Chosen, chosen_texts, draw, text_sizes
from codeprimer.tokens.encoding import encode_unit, encoded_documents, units
from codeprimer.tokens.fit import check_fit
from codeprimer.tokens.settings import TokensSettings

TRAINING_SETS = ("raw", "code", "textbooks", "exercises")
"""The tables of clean texts, in the order in which they are encoded."""

_SHOWN_TOKENS = 20
_SHOWN_SAMPLE = 80


class TokensStage(Stage[TokensSettings]):
    """Clean texts in, packed tokens out."""

    name = "tokens"
    version = 1
    reads = ("exam", "contamination")
    required_tables = (INDEX,)

    def run(self, settings: TokensSettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        """Write the tokenizer and the packed sets.

        Raises UserError when an exam or validation problem does not fit the context.
        """
        tables = {name: inputs["contamination"].table(name) for name in TRAINING_SETS}
        _refuse_unknown(settings)
        sizes = {name: text_sizes(table) for name, table in tables.items()}
        tokenizer = self._tokenizer(settings, tables, sizes, out, tools)
        tokenizer.save(out.path, settings.context)
        fits = check_fit(inputs["exam"], tokenizer, settings.context)
        sets = {}
        with out.table(INDEX, TOKEN_INDEX) as index:
            for name, table in tables.items():
                share = _Share(settings, name, table, sizes[name], tokenizer, tools.seed)
                with PackedWriter(out.path, name, index) as writer:
                    sets[name] = _encode(share, writer, out, tools)
        return _stats(settings, tokenizer, fits, sets, tables)

    def _tokenizer(
        self,
        settings: TokensSettings,
        tables: Mapping[str, Path],
        sizes: Mapping[str, np.ndarray[Any, Any]],
        out: Workspace,
        tools: Tools,
    ) -> Tokenizer:
        def make(folder: Path) -> None:
            from codeprimer.tokens.vocabulary import learn_vocabulary

            texts = _sample(settings, tables, sizes, tools.seed)
            (folder / TOKENIZER_FILE).write_bytes(learn_vocabulary(texts, settings.vocabulary))

        tokenizer = Tokenizer.load(out.once("tokenizer", make))
        if tokenizer.vocab_size < settings.vocabulary:
            tools.console.warn(
                f"tokens.vocabulary is {settings.vocabulary}, but the texts yield only {tokenizer.vocab_size} tokens"
            )
        return tokenizer


class _Share:
    """What is to be encoded of one training set."""

    def __init__(
        self,
        settings: TokensSettings,
        name: str,
        table: Path,
        sizes: np.ndarray[Any, Any],
        tokenizer: Tokenizer,
        seed: int,
    ) -> None:
        from codeprimer.tokens.vocabulary import count_equal

        self.settings, self.name, self.table, self.sizes, self.tokenizer = settings, name, table, sizes, tokenizer
        mean_bytes = float(sizes.mean()) if len(sizes) else 0.0
        checked = draw(sizes, mean_bytes * settings.checked_documents, numpy_random(seed, "tokens", "check", name))
        self.checked = count_equal(tokenizer, chosen_texts(table, checked))
        limit = settings.limit_tokens.get(name)
        if limit is None or not len(sizes):
            self.chosen: Chosen = np.ones(len(sizes), bool)
        else:
            self.chosen = draw(sizes, limit * self._bytes_per_token(checked), numpy_random(seed, "tokens", name))

    def _bytes_per_token(self, sample: Chosen) -> float:
        tokens = sum(len(ids) + 1 for ids in self.tokenizer.encode_all(chosen_texts(self.table, sample)))
        return float(self.sizes[sample].sum()) / tokens


def _encode(share: _Share, writer: PackedWriter, out: Workspace, tools: Tools) -> dict[str, Any]:
    """Encode one training set and return its facts."""
    choice = out.work / f"{share.name}.npy"
    np.save(choice, share.chosen)
    work = units(share.table, out.path, choice)
    folders = tools.engine.map(encode_unit, work, out.work / "ids" / share.name, f"encode {share.name}")
    documents = (ids for folder in folders for ids in encoded_documents(folder))
    too_long = 0
    for doc_id, ids in zip(_chosen_ids(share.table, share.chosen), documents, strict=True):
        writer.write(doc_id, ids)
        too_long += len(ids) > share.settings.context
    used_bytes = int(share.sizes[share.chosen].sum())
    return {
        "documents": writer.documents,
        "documents_left_out": len(share.sizes) - writer.documents,
        "tokens": writer.tokens,
        "bytes": used_bytes,
        "bytes_per_token": round(used_bytes / writer.tokens, 4) if writer.tokens else None,
        "longer_than_context": too_long,
        "checked_against_tokenizers": share.checked,
    }


def _chosen_ids(table: Path, chosen: Chosen) -> Iterator[str]:
    row = 0
    for batch in read_batches(table, ["doc_id"], batch_rows=8192):
        for doc_id in batch.column("doc_id").to_pylist():
            if chosen[row]:
                yield doc_id
            row += 1


def _sample(
    settings: TokensSettings, tables: Mapping[str, Path], sizes: Mapping[str, np.ndarray[Any, Any]], seed: int
) -> Iterator[str]:
    """Yield the texts that the vocabulary is learnt from: of each set its share of the bytes."""
    total = sum(settings.mixture.values())
    for name in TRAINING_SETS:
        budget = settings.sample_bytes * settings.mixture.get(name, 0.0) / total
        yield from chosen_texts(
            tables[name], draw(sizes[name], budget, numpy_random(seed, "tokens", "vocabulary", name))
        )


def _refuse_unknown(settings: TokensSettings) -> None:
    for key, names in (("mixture", settings.mixture), ("limit_tokens", settings.limit_tokens)):
        for name in names:
            if name not in TRAINING_SETS:
                raise RecipeError(f"tokens.{key}: there is no training set {name!r}; known: {', '.join(TRAINING_SETS)}")


def _stats(
    settings: TokensSettings,
    tokenizer: Tokenizer,
    fits: dict[str, Any],
    sets: dict[str, dict[str, Any]],
    tables: Mapping[str, Path],
) -> Stats:
    longest = sorted(range(tokenizer.vocab_size), key=lambda token: (-len(tokenizer.token_bytes(token)), token))
    total = sum(facts["tokens"] for facts in sets.values())
    facts = {
        "vocabulary": tokenizer.vocab_size,
        "context": settings.context,
        "sets": sets,
        "fits": fits,
        "longest_tokens": [tokenizer.decode([token]) for token in longest[:_SHOWN_TOKENS]],
        "sample": _sample_tokenisation(tokenizer, tables),
    }
    parts = ", ".join(f"{name} {facts['tokens']:,}" for name, facts in sets.items())
    return Stats(f"{total:,} tokens of a vocabulary of {tokenizer.vocab_size:,} ({parts})", facts)


def _sample_tokenisation(tokenizer: Tokenizer, tables: Mapping[str, Path]) -> list[str]:
    """Return the first tokens of the first exercise (or whatever set comes first from the end) as texts."""
    for name in reversed(TRAINING_SETS):
        for batch in read_batches(tables[name], ["text"]):
            if batch.num_rows:
                text = batch.column("text")[0].as_py()
                return [tokenizer.decode([token]) for token in tokenizer.encode(text)[:_SHOWN_SAMPLE]]
    return []
