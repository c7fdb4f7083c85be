"""The report's chapter on the exam."""

from __future__ import annotations

from codeprimer.reporting import blocks
from codeprimer.reporting.blocks import Block, Chapter
from codeprimer.reporting.facts import Facts
from codeprimer.reporting.wording import named_counts


def exam_chapter(facts: Facts) -> Chapter:
    """Return the chapter on the exam."""
    exam = facts["exam"]
    rows = [*exam["problems"].items(), *exam["benchmarks"].items()]
    content: list[Block] = [
        blocks.text(
            "The exam is sealed before the other steps run. Whole compositions are held out: no exercise and no worked example "
            "contains one, alone or as part of a longer composition. The exam excludes compositions that programs in the "
            "lessons are known to demonstrate; all other texts are compared with the problems by word n-grams and by syntax "
            "tree. Every reference solution was executed against its tests."
        ),
        blocks.table(("problems", "count"), rows),
        blocks.text(
            f"The exam uses {exam['operations']} operations. Problems by number of operations in a chain: "
            f"{', '.join(f'{count:,} with {steps}' for steps, count in exam['steps'].items())}. Rejected candidates: "
            f"{named_counts(exam['refused']) or 'none'}. "
            f"Seal: {exam['digest']}."
        ),
    ]
    for example in exam["examples"][:2]:
        content.append(blocks.code(example["blueprint"], example["program"] + "\n" + "\n".join(example["tests"])))
    return Chapter("exam", "Exam", content)
