"""The report's chapter on the corpus: what the sources contained, and why files were dropped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codeprimer.reporting import blocks, charts
from codeprimer.reporting.blocks import Block, Chapter
from codeprimer.reporting.facts import Facts
from codeprimer.reporting.wording import megabytes, named_counts


def corpus_chapter(facts: Facts) -> Chapter:
    """Return the chapter on the sources' files, kept and dropped."""
    corpus = facts["corpus"]
    rows = [
        (name, of["found"], of["kept"], megabytes(of["kept_bytes"]), sum(of["dropped"].values()))
        for name, of in corpus["sources"].items()
    ]
    heldout = corpus["heldout"]
    content: list[Block] = [
        blocks.text(
            f"{corpus['found']:,} files were found and {corpus['kept']:,} documents kept "
            f"({megabytes(corpus['kept_bytes'])} from {corpus['packages']:,} packages). The table of dropped files lists every "
            "other file with its reason."
        ),
        blocks.table(("source", "files", "kept", "text kept", "dropped"), rows),
    ]
    if corpus["dropped"]:
        content += [
            blocks.heading("Why files were dropped"),
            blocks.chart(charts.bars(corpus["dropped"], "files", charts.DROPPED)),
            blocks.table(("reason", "example", "detail"), _dropped_examples(corpus["examples_dropped"])),
        ]
    content.append(
        blocks.text(
            f"{heldout['documents']:,} documents from {len(heldout['packages'])} whole packages are held out from training; "
            "bits per byte are measured on the held-out documents that quality keeps. "
            f"Licences: {named_counts(corpus['licenses'])}."
        )
    )
    return Chapter("corpus", "Corpus", content)


def _dropped_examples(examples: Mapping[str, list[Mapping[str, Any]]]) -> list[tuple[str, str, str]]:
    return [(reason, listed[0]["path"], listed[0]["detail"] or "") for reason, listed in examples.items() if listed]
