"""The report's chapter on the textbooks."""

from __future__ import annotations

from codeprimer.reporting import blocks
from codeprimer.reporting.blocks import Block, Chapter, Tile
from codeprimer.reporting.facts import Facts
from codeprimer.reporting.teachers import writing_blocks
from codeprimer.reporting.wording import named_counts


def textbooks_chapter(facts: Facts, examples: int) -> Chapter:
    """Return the chapter on the textbooks."""
    books = facts["textbooks"]
    content: list[Block] = [
        blocks.text(
            f"{books['sections']:,} sections on {books['concepts']} concepts, {books['mean_words']} words each on average, "
            f"with {books['code_blocks']:,} code blocks, of which {books['distinct_code_blocks']:,} are distinct. Every block "
            f"was executed. Rejected: {named_counts(books['rejected']) or 'none'}."
        ),
        blocks.table(("audience", "sections"), list(books["by_audience"].items())),
        *writing_blocks(books, books["sections"]),
    ]
    content += [
        blocks.details(f"A section on {example['concept']} (audience: {example['audience']})", example["text"])
        for example in books["examples"][:examples]
    ]
    tiles = [Tile(f"{books['sections']:,}", "textbook sections")]
    return Chapter("textbooks", "Textbooks", content, tiles)
