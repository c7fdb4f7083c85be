"""The chapters that a reader wants first: the scores, what they mean, and what the models wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from codeprimer.report import blocks, charts
from codeprimer.report.blocks import Block, Section, interleaved
from codeprimer.report.facts import SCORE_HEADINGS, score_rows
from codeprimer.report.wording import percent

Facts = Mapping[str, Any]


def exam_scores(facts: Facts) -> dict[str, Facts]:
    """Return each model's row of the exam."""
    return {row["model"]: row for row in facts["evaluation"]["scores"] if row["task_set"] == "exam"}


def lead_sentence(facts: Facts) -> str:
    """Return the result in one sentence, with its interval."""
    scores = exam_scores(facts)
    tuned, control = scores["tuned"], scores["control"]
    return (
        f"A model of {facts['tuned']['parameters']:,} parameters that read filtered code, textbooks and exercises solves "
        f"{percent(tuned['value'])} ({percent(tuned['low'])} to {percent(tuned['high'])}) of {tuned['total']} problems of "
        "which no exercise has the composition. The same model with the same "
        f"{facts['control']['tokens']:,} training tokens of raw code "
        f"solves {percent(control['value'])}."
    )


def tiles(facts: Facts) -> list[dict[str, str]]:
    """Return the headline figures."""
    scores = exam_scores(facts)
    found = [
        {"kind": name, "value": percent(scores[name]["value"]), "label": f"{name}: exam problems solved"}
        for name in ("tuned", "base", "control")
    ]
    found.append({"kind": "", "value": f"{facts['exercises']['exercises']:,}", "label": "executed exercises"})
    found.append({"kind": "", "value": f"{facts['textbooks']['sections']:,}", "label": "textbook sections"})
    found.append({"kind": "", "value": f"{facts['quality']['kept']['documents']:,}", "label": "code documents kept"})
    return found


def result_section(facts: Facts) -> Section:
    """The scores, the paired comparisons, and bits per byte beside them."""
    evaluation = facts["evaluation"]
    content: list[Block] = [
        blocks.chart(charts.score_intervals(list(exam_scores(facts).values()))),
        blocks.table(SCORE_HEADINGS, score_rows(facts)),
        blocks.text(
            "The intervals cover the draw of the problems, not the training run: another seed of training moves the scores "
            "as well.",
            soft=True,
        ),
        blocks.heading("Compared problem by problem"),
        blocks.table(
            ("pair", "only the first", "only the second", "p (exact)", "what it says"),
            [
                (
                    f"{of['first']} - {of['second']}",
                    of["only_first"],
                    of["only_second"],
                    _p(of["p_value"]),
                    of["sentence"],
                )
                for of in evaluation["comparisons"]
            ],
        ),
    ]
    content += _bits(evaluation["bits_per_byte"], facts["artefacts"]["evaluation"]["settings"]["document_bytes"])
    content += [
        blocks.heading("Verdicts"),
        blocks.table(("model", "verdict", "answers"), _verdicts(evaluation["verdicts"])),
        blocks.text(
            "The exam and the exercises come from the same author, so the exam measures composition of what was taught, "
            "not software. Bits per byte on clean code that no model was trained on take the exam's format out of the "
            "comparison.",
            soft=True,
        ),
    ]
    return Section("result", "Result", content)


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _verdicts(verdicts: Mapping[str, Mapping[str, int]]) -> list[tuple[str, str, int]]:
    return [(model, kind, count) for model, counts in verdicts.items() for kind, count in counts.items()]


_TEXT_SETS = {
    "heldout": "Documents of packages that were never trained on, kept by the scorer that also chose base's code",
    "humaneval-solutions": "HumanEval's canonical solutions, each after its prompt",
}
_DRAWN = {"heldout": "packages", "humaneval-solutions": "problems"}
"""What the bootstrap draws anew: texts of one package are alike, every problem stands for itself."""


def _amount(of: Mapping[str, Any]) -> str:
    packages = f" of {of['packages']:,} packages" if of["packages"] < of["documents"] else ""
    return f"{of['documents']:,} texts{packages}, {of['bytes']:,} bytes"


def _cut(of: Mapping[str, Any], document_bytes: int) -> str:
    return f" Of {of['cut']:,} longer ones only the first {document_bytes:,} bytes are measured." if of["cut"] else ""


def _bits_interval(row: Facts) -> str:
    return "too few packages" if row["low"] is None else f"{row['low']:.3f} to {row['high']:.3f}"


def _bits(sets: list[Mapping[str, Any]], document_bytes: int) -> list[Block]:
    content: list[Block] = [blocks.heading("Bits per byte on clean code (fewer is better)")]
    for of in sets:
        content.append(blocks.text(f"{_TEXT_SETS[of['text_set']]}: {_amount(of)}.{_cut(of, document_bytes)}"))
        rows = [(row["model"], row["value"], _bits_interval(row)) for row in of["models"]]
        interval = f"95 % interval (bootstrap over {_DRAWN[of['text_set']]})"
        content.append(blocks.table(("model", "bits per byte", interval), rows))
        content += [blocks.text(comparison["sentence"]) for comparison in of["comparisons"]]
    if early := sorted({row["model"] for of in sets for row in of["models"] if "/" in row["model"]}):
        content.append(
            blocks.text(
                f"{early[0]} is the control where base ends: the same number of tokens and the same schedule.",
                soft=True,
            )
        )
    return content


def samples_section(facts: Facts, most: int) -> Section:
    """As many right answers as wrong ones where there are as many, and some of every model that has any."""
    right, wrong = (_in_turn(facts["evaluation"]["examples"], passed) for passed in (True, False))
    shown = min(most, max(len(_ORDER), min(len(right), len(wrong))))
    return Section(
        "samples",
        "Sample completions",
        [
            blocks.text(
                f"On the left answers that passed their tests, on the right answers that did not; {shown} at most, the "
                "models in turn."
            ),
            blocks.side_by_side(
                [_answer(example) for example in right[:shown]] or [_NONE],
                [_answer(example) for example in wrong[:shown]] or [_NONE],
            ),
        ],
    )


_ORDER = ("tuned", "base", "control")


def _in_turn(examples: Sequence[Facts], passed: bool) -> list[Facts]:
    """Return the right or the wrong examples: the first of every model, then the second of every model, and so on."""
    found = [example for example in examples if example["passed"] is passed]
    by_model = [[example for example in found if example["model"] == model] for model in _ORDER]
    return interleaved(by_model)


_NONE = blocks.code("none", "")


def _answer(example: Facts) -> Block:
    detail = f" - {example['detail']}" if example["detail"] else ""
    caption = f"{example['model']}, {example['task_id']}: {example['verdict']}{detail}"
    mark = "passed" if example["passed"] else "failed"
    return blocks.code(caption, _shortened(example["prompt"].rstrip() + example["completion"]), mark)


def _shortened(program: str, most: int = 24) -> str:
    """Return a program, cut where a model repeats itself for ever."""
    lines = program.splitlines()
    return program if len(lines) <= most else "\n".join([*lines[:most], f"... ({len(lines) - most} more lines)"])
