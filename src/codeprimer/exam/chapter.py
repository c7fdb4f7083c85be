"""The report's chapter on the exam."""

from __future__ import annotations

from codeprimer.reporting import blocks
from codeprimer.reporting.blocks import Block, Chapter
from codeprimer.reporting.facts import Facts
from codeprimer.reporting.wording import named_counts


def exam_chapter(facts: Facts) -> Chapter:
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
    return Chapter("exam", "Exam", content)
