"""The chapters about what was written: textbooks, exercises, and the exam."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codeprimer.report import blocks, charts
from codeprimer.report.annotation import writing_blocks
from codeprimer.report.blocks import Block, Section
from codeprimer.report.wording import named_counts

Facts = Mapping[str, Any]


def textbooks_section(facts: Facts, most: int) -> Section:
    """Sections, in curriculum order, every code block executed."""
    books = facts["textbooks"]
    content: list[Block] = [
        blocks.text(
            f"{books['sections']:,} sections on {books['concepts']} concepts, {books['mean_words']} words each on average, "
            f"with {books['code_blocks']:,} code blocks of which {books['distinct_code_blocks']:,} are distinct. Every block "
            f"was executed. Rejected: {named_counts(books['rejected']) or 'none'}."
        ),
        blocks.table(("written for", "sections"), list(books["by_audience"].items())),
        *writing_blocks(books, books["sections"]),
    ]
    content += [
        blocks.details(f"A section on {example['concept']}, for {example['audience']}", example["text"])
        for example in books["examples"][:most]
    ]
    return Section("textbooks", "Textbooks", content)


def exercises_section(facts: Facts, most: int) -> Section:
    """Exercises, every solution executed against asserts made from the specification."""
    exercises = facts["exercises"]
    content: list[Block] = [
        blocks.text(
            f"{exercises['exercises']:,} exercises hold {exercises['distinct_trees']:,} distinct syntax trees after masking "
            "all literals and all identifiers; no two have the same prompt. Rejected: "
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
    for example in exercises["examples"][:most]:
        listing = example["program"] + "\n" + "\n".join(example["tests"])
        content.append(blocks.code(f"{example['blueprint']}, style {example['style']}", listing))
    return Section("exercises", "Exercises", content)


def exam_section(facts: Facts) -> Section:
    """What was sealed before everything else."""
    exam = facts["exam"]
    rows = [*exam["problems"].items(), *exam["benchmarks"].items()]
    content: list[Block] = [
        blocks.text(
            "Sealed before the rest: whole compositions are held out, so that no exercise and no worked example is "
            "composed of one, neither alone nor inside a longer one. What the lessons' own programs are known to "
            "demonstrate is not examined; all other texts are compared with the problems by runs of words and by syntax "
            "trees. Every reference solution was executed against its tests."
        ),
        blocks.table(("problems", "count"), rows),
        blocks.text(
            f"The exam draws on {exam['operations']} operations. Problems by number of steps: "
            f"{named_counts(exam['steps'])}. Candidates that were not asked: {named_counts(exam['refused']) or 'none'}. "
            f"Seal: {exam['digest']}."
        ),
    ]
    for example in exam["examples"][:2]:
        content.append(blocks.code(example["blueprint"], example["program"] + "\n" + "\n".join(example["tests"])))
    return Section("exam", "Exam", content)
