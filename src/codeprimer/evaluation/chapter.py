"""The report's chapter on the result: scores, comparisons, bits per byte, and sample completions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from codeprimer.reporting import blocks, charts
from codeprimer.reporting.blocks import Block, Chapter, Tile, interleaved
from codeprimer.reporting.facts import Facts
from codeprimer.reporting.wording import percent

_ORDER = ("tuned", "base", "control")

SCORE_HEADINGS = ("model", "problems", "solved", "pass@1, greedy", "95 % interval (Wilson)")


def score_rows(facts: Facts) -> list[tuple[str, ...]]:
    """Return the scores as strings: one row per model and problem set, under ``SCORE_HEADINGS``."""
    return [
        (
            score["model"],
            score["task_set"],
            f"{score['passed']} of {score['total']}",
            percent(score["value"]),
            f"{percent(score['low'])} to {percent(score['high'])}",
        )
        for score in facts["evaluation"]["scores"]
    ]


def _exam_scores(facts: Facts) -> dict[str, Facts]:
    """Return each model's score row for the exam."""
    return {row["model"]: row for row in facts["evaluation"]["scores"] if row["task_set"] == "exam"}


def _result(facts: Facts, scores: Mapping[str, Facts]) -> str:
    """Return the result in two sentences, with its interval."""
    tuned, control = scores["tuned"], scores["control"]
    return (
        f"A model of {facts['tuned']['parameters']:,} parameters, trained on filtered code, textbooks and exercises, solves "
        f"{percent(tuned['value'])} ({percent(tuned['low'])} to {percent(tuned['high'])}) of {tuned['total']} problems whose "
        f"compositions occur in no exercise. The same model, trained on as many tokens of raw code "
        f"({facts['control']['tokens']:,}), solves {percent(control['value'])}."
    )


def result_chapter(facts: Facts, examples: int) -> Chapter:
    """Return the chapter on scores, paired comparisons, bits per byte, verdicts and sample completions."""
    evaluation = facts["evaluation"]
    scores = _exam_scores(facts)
    content = [
        *_scores(facts, scores),
        *_comparisons(evaluation["comparisons"]),
        *_bits(evaluation["bits_per_byte"], facts["artefacts"]["evaluation"]["settings"]["document_bytes"]),
        *_verdicts(evaluation["verdicts"]),
        *_samples(evaluation["examples"], examples),
    ]
    tiles = [Tile(percent(scores[name]["value"]), f"{name}: exam problems solved", name) for name in _ORDER]
    return Chapter("result", "Result", content, tiles, _result(facts, scores))


def _scores(facts: Facts, scores: Mapping[str, Facts]) -> list[Block]:
    return [
        blocks.chart(charts.score_intervals(list(scores.values()))),
        blocks.table(SCORE_HEADINGS, score_rows(facts)),
        blocks.text(
            "The intervals cover the sampling of the problems, not the training run: a different training seed also "
            "changes the scores.",
            soft=True,
        ),
    ]


def _comparisons(pairs: Sequence[Facts]) -> list[Block]:
    headings = ("pair", "solved by the first only", "by the second only", "p (exact)", "conclusion")
    rows = [
        (f"{of['first']} - {of['second']}", of["only_first"], of["only_second"], _p(of["p_value"]), of["sentence"])
        for of in pairs
    ]
    return [blocks.heading("Compared problem by problem"), blocks.table(headings, rows)]


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _verdicts(verdicts: Mapping[str, Mapping[str, int]]) -> list[Block]:
    rows = [(model, kind, count) for model in reversed(_ORDER) for kind, count in verdicts.get(model, {}).items()]
    return [
        blocks.heading("Verdicts"),
        blocks.table(("model", "verdict", "answers"), rows),
        blocks.text(
            "The exam and the exercises come from the same author, so the exam measures how well a model composes what it "
            "was taught, not whether it can write software. Bits per byte on clean code that no model was trained on do not "
            "depend on the exam's format.",
            soft=True,
        ),
    ]


_TEXT_SETS = {
    "heldout": "Documents of held-out packages, kept by the scorer that also selected base's code",
    "humaneval-solutions": "HumanEval's canonical solutions, given their prompts",
}


_RESAMPLED = {"heldout": "packages", "humaneval-solutions": "problems"}
"""The units that the bootstrap resamples: texts from one package are similar, whereas problems are independent."""


def _amount(of: Facts) -> str:
    packages = f" of {of['packages']:,} packages" if of["packages"] < of["documents"] else ""
    return f"{of['documents']:,} texts{packages}, {of['bytes']:,} bytes"


def _cut(of: Facts, document_bytes: int) -> str:
    return f" Only the first {document_bytes:,} bytes of {of['cut']:,} longer texts are measured." if of["cut"] else ""


def _bits_interval(row: Facts) -> str:
    return "too few packages" if row["low"] is None else f"{row['low']:.3f} to {row['high']:.3f}"


def _bits(sets: Sequence[Facts], document_bytes: int) -> list[Block]:
    content: list[Block] = [blocks.heading("Bits per byte on clean code (lower is better)")]
    for of in sets:
        content.append(blocks.text(f"{_TEXT_SETS[of['text_set']]}: {_amount(of)}.{_cut(of, document_bytes)}"))
        rows = [(row["model"], row["value"], _bits_interval(row)) for row in of["models"]]
        interval = f"95 % interval (bootstrap over {_RESAMPLED[of['text_set']]})"
        content.append(blocks.table(("model", "bits per byte", interval), rows))
        content += [blocks.text(comparison["sentence"]) for comparison in of["comparisons"]]
    if early := sorted({row["model"] for of in sets for row in of["models"] if "/" in row["model"]}):
        content.append(
            blocks.text(
                f"{early[0]} is the control's checkpoint after as many tokens as base, with the same schedule.",
                soft=True,
            )
        )
    return content


def _samples(examples: Sequence[Facts], most: int) -> list[Block]:
    """Return equal numbers of right and wrong answers if possible, including some from every model that has any."""
    right, wrong = (_in_turn(examples, passed) for passed in (True, False))
    shown = min(most, max(len(_ORDER), min(len(right), len(wrong))))
    return [
        blocks.heading("Sample completions"),
        blocks.text(
            f"Left: answers that passed their tests; right: answers that did not; at most {shown} each, alternating between "
            "the models."
        ),
        blocks.side_by_side(
            [_answer(example) for example in right[:shown]] or [_NONE],
            [_answer(example) for example in wrong[:shown]] or [_NONE],
        ),
    ]


def _in_turn(examples: Sequence[Facts], passed: bool) -> list[Facts]:
    """Return the right or the wrong examples: every model's first, then every model's second, and so on."""
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
    """Return the first ``most`` lines of a program, because some models repeat a line endlessly."""
    lines = program.splitlines()
    return program if len(lines) <= most else "\n".join([*lines[:most], f"... ({len(lines) - most} more lines)"])
