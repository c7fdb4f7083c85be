"""Blocks about a teacher's answers: their cost, and the models that gave them."""

from __future__ import annotations

from codeprimer.reporting import blocks
from codeprimer.reporting.blocks import Block
from codeprimer.reporting.facts import Facts

CostRow = tuple[str, int, int, int, float, float, float | None]


def writing_blocks(facts: Facts, kept: int) -> list[Block]:
    """Return blocks on the cost of a teacher's texts; none if no teacher was asked."""
    writing = facts.get("writing")
    if writing is None or not is_usage(writing):
        return []
    second = writing.get("second")
    rows = [cost_row(writing, kept)]
    if second is not None:
        rows.append(cost_row(second, second["compared"]["second"]))
    content: list[Block] = [
        blocks.heading("Cost of the texts"),
        blocks.table(("model", "requests", "kept", "answers", "M tokens", "USD", "USD per 1,000 kept"), rows),
    ]
    content += several_models(writing)
    if second is not None:
        compared = second["compared"]
        content.append(
            blocks.text(
                f"Both models got the first {compared['orders']:,} requests: {compared['first']:,} texts by {writing['model']} "
                f"and {compared['second']:,} by {second['model']} passed every check. The texts by {second['model']} are used "
                "only for this comparison; no training set contains them."
            )
        )
    return content


def is_usage(facts: Facts) -> bool:
    """Return whether a plug-in's facts are a teacher's figures: plug-ins of other packages may return any others."""
    return {"model", "replies", "answers", "tokens", "usd"} <= facts.keys()


def several_models(of: Facts) -> list[Block]:
    """Return a sentence if the server used several models for one model name; otherwise no blocks."""
    served = of.get("served_by", {})
    if len(served) < 2:
        return []
    counts = ", ".join(f"{name} {count:,}" for name, count in served.items())
    return [blocks.text(f"The server used more than one model for {of['model']}: {counts} answers.")]


def cost_row(of: Facts, kept: int | None = None) -> CostRow:
    """Return a model's figures; ``kept`` is how many of its answers were used (None: all accepted answers)."""
    accepted = of["replies"].get("accepted", 0) if kept is None else kept
    per_thousand = round(1000 * of["usd"] / accepted, 4) if accepted else None
    asked = sum(of["replies"].values())
    return of["model"], asked, accepted, of["answers"], round(of["tokens"] / 1e6, 3), round(of["usd"], 4), per_thousand
