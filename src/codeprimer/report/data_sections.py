"""The chapters about data: what went in, what was dropped and why, what was written, what was removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codeprimer.report import charts
from codeprimer.report.blocks import Block, Section, chart, charts as side_charts, code, details, heading, side_by_side, table, text
from codeprimer.report.facts import percent

Facts = Mapping[str, Any]


def corpus_section(facts: Facts) -> Section:
    """What the sources held, and what became of every file."""
    corpus = facts["corpus"]
    rows = [
        (name, source["found"], source["kept"], f"{source['kept_bytes'] / 1e6:.1f} MB", sum(source["dropped"].values()))
        for name, source in corpus["sources"].items()
    ]
    blocks: list[Block] = [
        text(
            f"{corpus['found']:,} files were found and {corpus['kept']:,} documents kept "
            f"({corpus['kept_bytes'] / 1e6:.1f} MB of {corpus['packages']:,} packages). Every other file is in the table "
            "`dropped`, with its reason."
        ),
        table(("source", "files", "kept", "text", "dropped"), rows),
    ]
    if corpus["dropped"]:
        blocks += [heading("Why files were dropped"), chart(charts.bars(corpus["dropped"], "files", charts.DROPPED))]
        examples = [
            (reason, example["path"], example["detail"] or "")
            for reason, listed in corpus["examples_dropped"].items()
            for example in listed[:1]
        ]
        blocks.append(table(("reason", "for example", "detail"), examples))
    heldout = corpus["heldout"]
    blocks.append(
        text(
            f"{heldout['documents']:,} documents of {len(heldout['packages'])} packages are never trained on; bits per "
            f"byte are measured on what quality keeps of them. Licences found: {_listed(corpus['licenses'])}."
        )
    )
    return Section("corpus", "Corpus", blocks)


def _listed(counts: Mapping[str, int], most: int = 8) -> str:
    shown = [f"{name} {count:,}" for name, count in list(counts.items())[:most]]
    return ", ".join(shown) + (", ..." if len(counts) > most else "")


def contamination_section(facts: Facts) -> Section:
    """What was too close to a sealed problem."""
    found = facts["contamination"]
    return Section("contamination", "Contamination", contamination_blocks(found))


def tokens_section(facts: Facts) -> Section:
    """The vocabulary and how much of each set there is to train on."""
    tokens = facts["tokens"]
    rows = [
        (name, of["documents"], of["documents_left_out"], of["tokens"], of["bytes_per_token"], of["longer_than_context"])
        for name, of in tokens["sets"].items()
    ]
    checked = sum(of["checked_against_tokenizers"] for of in tokens["sets"].values())
    headings = ("training set", "documents", "left out", "tokens", "bytes per token", "longer than the context")
    return Section(
        "tokens",
        "Tokens",
        [
            text(
                f"A byte-level BPE of {tokens['vocabulary']:,} tokens, trained on this run's own text. Every exam and "
                f"validation problem fits the context of {tokens['context']} tokens with its answer. tiktoken and "
                f"tokenizers gave the same ids for all {checked:,} documents that were checked."
            ),
            table(headings, rows),
            code("The first tokens of an exercise, separated by ·", "·".join(tokens["sample"])),
        ],
    )


__all__ = ["code", "details", "percent", "side_by_side", "side_charts"]
