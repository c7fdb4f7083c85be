"""The report's chapter on cost: time, memory, energy, CO2 and money."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from codeprimer.reporting import blocks
from codeprimer.reporting.blocks import Block, Chapter
from codeprimer.reporting.facts import Facts
from codeprimer.reporting.wording import duration, percent

_NARROW = "\N{NO-BREAK SPACE}"
"""Keeps a figure and its unit on one line in a column that is narrow."""


def cost_chapter(facts: Facts) -> Chapter:
    """What each step took."""
    rows = [
        (
            step,
            duration(cost["seconds"]).replace(" ", _NARROW),
            f"{cost['peak_memory'] / 2**20:,.0f} MiB",
            facts["artefacts"][step]["headline"],
        )
        for step, cost in facts["cost"].items()
        if cost
    ]
    return Chapter(
        "cost",
        "Cost",
        [
            blocks.text("Seconds when each artefact was made, over all attempts but those that were killed outright."),
            blocks.table(("step", "time", "peak memory so far", "result"), rows),
            *_speeds(facts["speed"]),
            *_footprint(facts["footprint"]),
        ],
    )


def _speeds(speeds: Facts) -> Iterator[Block]:
    """How well training used its machine, where that is recorded."""
    told = {name: of for name, of in speeds.items() if "share_of_ceiling" in of}
    if not told:
        return
    rows = [
        (
            name,
            round(of["tokens_per_second"] or 0),
            _share(of["share_of_ceiling"]),
            _share(of["share_of_datasheet"]),
            of["device"],
            of["precision"],
            of["threads"],
        )
        for name, of in told.items()
    ]
    yield blocks.heading("How training used its machine")
    yield blocks.text(
        "The share is the arithmetic of training (6 per weight of a matrix and token, attention as half of all pairs) over "
        "what plain products of matrices reach on this machine, measured for a third of a second while the model trained; "
        "models that train side by side take some of it from each other. Runs of less than a minute are not measured."
    )
    yield blocks.table(
        ("model", "tokens/s", "of what products reach here", "of the datasheet", "device", "precision", "threads"), rows
    )


def _share(value: float | None) -> str:
    return "-" if value is None else percent(value)


def _footprint(of: Facts) -> Iterator[Block]:
    """Hours, energy, CO2 and money, with what they are reckoned from."""
    if not of["steps"]:
        return
    has_gpus = bool(of["total"]["gpu_hours"])
    rows = [(step, *_measures(part, has_gpus)) for step, part in [*of["steps"].items(), ("all", of["total"])]]
    assumed = of["assumed"]
    power = "measured while it trained" if of["power_is_measured"] else "its datasheet's limit"
    gpu = f"{assumed['watts_per_gpu']:g} W per GPU" if assumed["watts_per_gpu"] else f"for a GPU {power}"
    yield blocks.heading("Energy, CO2 and money: estimates")
    yield blocks.text(
        "Hours are recorded: those of the cores that a step kept for itself, whether all were busy or not. The rest is "
        f"reckoned with the recipe's section report.cost: {assumed['watts_per_core']:g} W per core, "
        + (f"{gpu}, {assumed['usd_per_gpu_hour']:g} USD per GPU-hour, " if has_gpus else "")
        + f"{assumed['co2_grams_per_kwh']:g} g of CO2 per kWh, {assumed['usd_per_core_hour']:g} USD per core-hour. What asking "
        "a teacher cost stands with what it wrote."
    )
    headings = ("step", "core-hours", *(["GPU-hours"] if has_gpus else []), "energy [Wh]", "CO2 [g]", "USD")
    yield blocks.table(headings, rows)
    if of["unknown"]:
        yield blocks.text(f"Not known, and not counted: {', '.join(of['unknown'])}.", soft=True)


def _measures(part: Facts, has_gpus: bool) -> tuple[float, ...]:
    hours = (part["core_hours"], part["gpu_hours"]) if has_gpus else (part["core_hours"],)
    return *hours, 1000 * part["kwh"], part["co2_grams"], part["usd"]


def seconds_at_work(costs: Iterable[Mapping[str, Any]]) -> float:
    """Return how long at least one step was at work [s]; steps side by side count once."""
    total, until = 0.0, 0.0
    for start, end in sorted((cost["ended"] - cost["seconds"], cost["ended"]) for cost in costs if "ended" in cost):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total
