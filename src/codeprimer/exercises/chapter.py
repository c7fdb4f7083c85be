"""The report's chapter on the exercises."""

from __future__ import annotations

from codeprimer.reporting import blocks, charts
from codeprimer.reporting.blocks import Block, Chapter, Tile
from codeprimer.reporting.facts import Facts
from codeprimer.reporting.teachers import writing_blocks
from codeprimer.reporting.wording import named_counts


def exercises_chapter(facts: Facts, examples: int) -> Chapter:
    """Return the chapter on the exercises."""
    exercises = facts["exercises"]
    content: list[Block] = [
        blocks.text(
            f"{exercises['exercises']:,} exercises have {exercises['distinct_trees']:,} distinct syntax trees once literals "
            "and identifiers are masked; no two have the same prompt. Every solution passed its tests. Rejected: "
            f"{named_counts(exercises['rejected']) or 'none'}."
        ),
        *writing_blocks(exercises, exercises["exercises"]),
        blocks.heading("Exercises by concept"),
        blocks.chart(charts.bars(exercises["concepts"], "exercises", most=80)),
        blocks.table(("style of the solution", "exercises"), list(exercises["styles"].items())),
        blocks.text(
            f"{exercises['compositions']:,} compositions. The rarest operation occurs {exercises['rarest_operation']:,} "
            "times."
        ),
        blocks.table(("operations in a chain", "exercises"), list(exercises["steps"].items())),
    ]
    for example in exercises["examples"][:examples]:
        listing = example["program"] + "\n" + "\n".join(example["tests"])
        content.append(blocks.code(f"{example['blueprint']}, style {example['style']}", listing))
    tiles = [Tile(f"{exercises['exercises']:,}", "executed exercises")]
    return Chapter("exercises", "Exercises", content, tiles)
