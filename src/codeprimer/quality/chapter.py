"""The report's chapter on quality: how documents were judged, how well the scorer learned the labels, what was kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codeprimer.reporting import blocks, charts
from codeprimer.reporting.blocks import Block, Chapter, Tile
from codeprimer.reporting.facts import Facts
from codeprimer.reporting.teachers import cost_row, is_usage, several_models
from codeprimer.reporting.wording import megabytes, number, percent


def quality_chapter(facts: Facts, examples: int) -> Chapter:
    """Return the chapter on the labels, the scorer, and the documents that the stage kept."""
    quality = facts["quality"]
    kept, dropped = quality["kept"], quality["dropped"]
    content: list[Block] = [
        blocks.text(
            f"{kept['documents']:,} documents ({megabytes(kept['bytes'])}) were kept and {dropped['documents']:,} "
            f"({megabytes(dropped['bytes'])}) dropped: the best {percent(quality['keep_fraction'])} of "
            f"{quality['keep_fraction_of']}, which puts the threshold at {quality['threshold']:.3f}."
        ),
        blocks.text(f"Where the labels come from: {quality['about_labels']}", soft=True),
        blocks.chart(charts.score_histogram(_bins(quality), quality["threshold"])),
    ]
    content += annotation_blocks(quality)
    content += _evidence(quality)
    content += [blocks.heading("Kept and dropped, side by side"), _side_by_side(quality["examples"], examples)]
    complaints = quality["labels"]["complaints"]
    if complaints:
        content += [
            blocks.heading("The annotator's complaints"),
            blocks.chart(charts.bars(complaints, "documents in the sample", charts.DROPPED)),
        ]
    tiles = [Tile(f"{kept['documents']:,}", "code documents kept")]
    return Chapter("quality", "Quality", content, tiles)


def _bins(quality: Facts) -> list[dict[str, Any]]:
    listed = quality["score_histogram"]
    width = 1 / len(listed)
    return [
        {
            "low": of["from"],
            "high": of["from"] + width,
            "count": of["documents"],
            "kept": of["from"] + width / 2 >= quality["threshold"],
        }
        for of in listed
    ]


def _evidence(quality: Facts) -> list[Block]:
    test = quality["test"]
    if not test["documents"]:
        return [blocks.text("The sample was too small to hold out documents for a test of the scorer.")]
    at = test["at_threshold"]
    rows = [
        ("precision at the threshold", at["precision"], ""),
        ("recall at the threshold", at["recall"], ""),
        ("F1 at the threshold", at["f1"], ""),
        ("average precision", test["average_precision"], f"length alone: {_average_precision(test, 'length')}"),
        ("", None, f"fraction documented alone: {_average_precision(test, 'documented_share')}"),
        ("Brier score", test["brier"], f"always predicting the base rate: {number(test['brier_of_base_rate'])}"),
        ("Spearman correlation with the points", test["spearman_with_points"], ""),
    ]
    reliability = [
        {"predicted": of["mean_probability"], "observed": of["good_share"], "count": of["documents"]}
        for of in test["reliability"]
        if of["documents"]
    ]
    return [
        blocks.heading("How well the scorer learned the labels"),
        blocks.text(
            f"Measured on {test['documents']:,} documents from {test['packages']:,} packages that the scorer never saw; "
            f"{_apart(quality['labels'])}. {quality['scorer']['features']}. {quality['scorer']['model'].capitalize()}."
        ),
        blocks.table(("measure", "value", "for comparison"), rows),
        blocks.chart(charts.reliability(reliability)),
    ]


def _apart(labels: Facts) -> str:
    """Return how the test documents were separated from the training documents."""
    if labels["split_by_package"]:
        return "no package is in both the training and the test part"
    return "the sample has too few packages to hold out whole packages, so a package can be in both the training and test parts"


def _average_precision(test: Facts, baseline: str) -> str:
    value = test["baselines"][baseline]["average_precision"]
    return "-" if value is None else number(value)


def _side_by_side(examples: Mapping[str, list[Mapping[str, Any]]], most: int) -> Block:
    sides: dict[str, list[Block]] = {"kept": [], "dropped": []}
    for kind, listed in sorted(examples.items(), key=lambda item: item[0]):
        side = kind.partition(":")[0]
        for example in listed[: max(1, most // 2)]:
            why = f"; {', '.join(example['why'])}" if example["why"] else ""
            caption = f"{kind} - {example['path']}, score {example['score']:.2f}{why}"
            sides[side].append(blocks.code(caption, example["excerpt"], side))
    return blocks.side_by_side(sides["kept"], sides["dropped"])


_REASONS = {
    "accepted": "labelled",
    "cut_off": "cut off at the largest token limit",
    "other_form": "not in the requested form, even after a retry",
    "withheld": "withheld by the server's own filter",
    "not_labelled": "missing from the labels file",
}


def annotation_blocks(quality: Facts) -> list[Block]:
    """Return blocks on the cost and agreement of a teacher's labels; none if no teacher was asked."""
    annotation = quality.get("annotation")
    if annotation is None or not is_usage(annotation):
        return []
    rows = [cost_row(annotation)]
    second = annotation.get("second")
    if second is not None:
        rows.append(cost_row(second))
    content: list[Block] = [
        blocks.heading("What the labels cost"),
        blocks.table(("model", "questions", "usable", "answers", "M tokens", "USD", "USD per 1,000 usable"), rows),
    ]
    if "asked_twice" in annotation:
        content.append(blocks.text(_self_agreement(annotation["asked_twice"])))
    content += several_models(annotation)
    if second is not None:
        content.append(blocks.text(_comparison(annotation, second)))
    failed = {reason: count for reason, count in annotation["replies"].items() if reason != "accepted"}
    if failed:
        named = [(_REASONS.get(reason, reason.replace("_", " ")), count) for reason, count in failed.items()]
        content.append(blocks.table(("why an answer was not used", "questions"), named))
    return content


def _self_agreement(twice: Facts) -> str:
    if not twice["documents"]:
        return "No document was labelled twice, so the model's self-agreement is not known."
    return (
        f"Of {twice['documents']:,} documents that were labelled twice, {percent(twice['equal'])} got the same points and "
        f"{percent(twice['within_one'])} points that differ by at most one{_kappa(twice)}. Self-agreement bounds what a scorer "
        "can learn from the labels."
    )


def _comparison(first: Facts, second: Facts) -> str:
    agreement = second["agreement"]
    if not agreement["documents"]:
        return f"{second['model']} gave no label to compare."
    return (
        f"{first['model']} and {second['model']} gave the same points to {percent(agreement['equal'])} of "
        f"{agreement['documents']:,} documents, and points that differ by at most one to "
        f"{percent(agreement['within_one'])}{_kappa(agreement)}. The scorer learned only from the labels of {first['model']}."
    )


def _kappa(agreement: Facts) -> str:
    return "" if agreement["kappa"] is None else f" (weighted kappa {number(agreement['kappa'])})"
