"""The report's chapter on tokens: the vocabulary, and the size of every training set."""

from __future__ import annotations

from codeprimer.reporting import blocks
from codeprimer.reporting.blocks import Chapter
from codeprimer.reporting.facts import Facts


def tokens_chapter(facts: Facts) -> Chapter:
    """Return the chapter on the vocabulary and the sizes of the training sets."""
    tokens = facts["tokens"]
    rows = [
        (
            name,
            of["documents"],
            of["documents_left_out"],
            of["tokens"],
            of["bytes_per_token"],
            of["longer_than_context"],
        )
        for name, of in tokens["sets"].items()
    ]
    origin = "taken from the model that training starts from" if tokens.get("taken") else "learnt from this run's texts"
    checked = sum(of["checked_against_tokenizers"] for of in tokens["sets"].values())
    headings = ("training set", "documents", "left out", "tokens", "bytes per token", "longer than the context")
    return Chapter(
        "tokens",
        "Tokens",
        [
            blocks.text(
                f"A byte-level BPE vocabulary of {tokens['vocabulary']:,} tokens, {origin}. Every exam and validation problem "
                f"fits in the context of {tokens['context']} tokens with its answer. tiktoken and tokenizers gave the "
                f"same ids for all {checked:,} documents that were checked."
            ),
            blocks.table(headings, rows),
            blocks.code("An exercise, split into tokens", "·".join(tokens["sample"])),
        ],
    )
