"""What a teacher's labels and texts cost, how far it agrees with itself and with another one, and what it could not label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codeprimer.report import blocks
from codeprimer.report.blocks import Block
from codeprimer.report.wording import number, percent

Facts = Mapping[str, Any]

_REASONS = {
    "accepted": "labelled",
    "cut_off": "cut off, even under the largest limit",
    "other_form": "not of the form that was asked for, even after an objection",
    "withheld": "withheld by the server's own filter",
    "not_labelled": "without a line in the file of labels",
}


def annotation_blocks(quality: Facts) -> list[Block]:
    """Return what there is to say where a teacher was asked; nothing otherwise."""
    annotation = quality.get("annotation")
    if annotation is None:
        return []
    rows = [_row(annotation)]
    second = annotation.get("second")
    if second is not None:
        rows.append(_row(second))
    content: list[Block] = [
        blocks.heading("What the labels cost"),
        blocks.table(("model", "questions", "usable", "answers", "M tokens", "USD", "USD per 1,000 usable"), rows),
        blocks.text(_self_agreement(annotation["asked_twice"])),
    ]
    content += _drift(annotation)
    if second is not None:
        content.append(blocks.text(_comparison(annotation, second)))
    failed = {reason: count for reason, count in annotation["replies"].items() if reason != "accepted"}
    if failed:
        named = [(_REASONS.get(reason, reason.replace("_", " ")), count) for reason, count in failed.items()]
        content.append(blocks.table(("why an answer was put aside", "questions"), named))
    return content


def writing_blocks(facts: Facts, kept: int) -> list[Block]:
    """Return what texts by a teacher cost; nothing where nobody was asked."""
    writing = facts.get("writing")
    if writing is None:
        return []
    second = writing.get("second")
    rows = [_row(writing, kept)]
    if second is not None:
        rows.append(_row(second, second["compared"]["second"]))
    content: list[Block] = [
        blocks.heading("What it cost to have them written"),
        blocks.table(("model", "orders", "kept", "answers", "M tokens", "USD", "USD per 1,000 kept"), rows),
    ]
    content += _drift(writing)
    if second is not None:
        compared = second["compared"]
        content.append(
            blocks.text(
                f"Both were given the first {compared['orders']:,} orders: {compared['first']:,} texts of {writing['model']} "
                f"passed every check, {compared['second']:,} of {second['model']}. What {second['model']} wrote is compared "
                "only, and is in no training set."
            )
        )
    return content


def _drift(of: Facts) -> list[Block]:
    """Return a sentence where one name was served by several models; nothing otherwise."""
    served = of.get("served_by", {})
    if len(served) < 2:
        return []
    shares = ", ".join(f"{name} {count:,}" for name, count in served.items())
    return [blocks.text(f"Behind the name {of['model']} the server used more than one model: {shares} answers.")]


def _row(of: Facts, kept: int | None = None) -> tuple[str, int, int, int, float, float, float | None]:
    """Return a model's figures; ``kept`` is how many of its answers were of use, None: those that were accepted."""
    accepted = of["replies"].get("accepted", 0) if kept is None else kept
    per_thousand = round(1000 * of["usd"] / accepted, 4) if accepted else None
    asked = sum(of["replies"].values())
    return of["model"], asked, accepted, of["answers"], round(of["tokens"] / 1e6, 3), round(of["usd"], 4), per_thousand


def _self_agreement(twice: Facts) -> str:
    if not twice["documents"]:
        return "No document was asked about twice, so how far the model agrees with itself is not known."
    return (
        f"Of {twice['documents']:,} documents that were asked about twice, {percent(twice['equal'])} got the same points "
        f"and {percent(twice['within_one'])} points that differ by at most one{_kappa(twice)}. What a model does not agree "
        "with itself about, no scorer can learn from it."
    )


def _comparison(first: Facts, second: Facts) -> str:
    agreement = second["agreement"]
    if not agreement["documents"]:
        return f"{second['model']} gave no label that could be compared."
    return (
        f"{first['model']} and {second['model']} gave the same points to {percent(agreement['equal'])} of "
        f"{agreement['documents']:,} documents, and points that differ by at most one to "
        f"{percent(agreement['within_one'])}{_kappa(agreement)}. Only the labels of {first['model']} were learnt from."
    )


def _kappa(agreement: Facts) -> str:
    return "" if agreement["kappa"] is None else f" (weighted kappa {number(agreement['kappa'])})"
