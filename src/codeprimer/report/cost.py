"""The report's chapter on cost: time, memory, energy, CO2 and money."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from codeprimer.reporting import blocks
from codeprimer.reporting.blocks import Block, Chapter
from codeprimer.reporting.facts import Facts
from codeprimer.reporting.wording import duration, percent

_NARROW = "\N{NO-BREAK SPACE}"
"""Keeps a figure and its unit on one line in a narrow column."""


def cost_chapter(facts: Facts) -> Chapter:
    """Return the chapter on the time, memory, energy and money that each step used."""
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
            blocks.text("The time taken to produce each artefact, over all attempts that were not killed."),
            blocks.table(("step", "time", "peak memory so far", "result"), rows),
            *_speeds(facts["speed"]),
            *_footprint(facts["footprint"]),
        ],
    )


def _speeds(speeds: Facts) -> Iterator[Block]:
    """Yield blocks that show how well training used the hardware, if that was recorded."""
    recorded = {name: of for name, of in speeds.items() if "utilization" in of}
    if not recorded:
        return
    rows = [
        (
            name,
            round(of["tokens_per_second"] or 0),
            _percentage(of["utilization"]),
            _percentage(of["mfu"]),
            of["device"],
            of["precision"],
            of["threads"],
        )
        for name, of in recorded.items()
    ]
    yield blocks.heading("Hardware utilization of training")
    yield blocks.text(
        "Utilization is the FLOP/s of training (6 FLOP per matrix weight and token, plus causal attention) as a percentage of "
        "the matmul peak of this machine, which was measured for a third of a second during training. Models that train at the "
        "same time share the machine. Runs of less than a minute are not measured."
    )
    yield blocks.table(
        ("model", "tokens/s", "of measured matmul peak", "MFU (of datasheet peak)", "device", "precision", "threads"),
        rows,
    )


def _percentage(value: float | None) -> str:
    return "-" if value is None else percent(value)


def _footprint(of: Facts) -> Iterator[Block]:
    """Yield blocks on hours, energy, CO2 and money, with the underlying assumptions."""
    if not of["steps"]:
        return
    has_gpus = bool(of["total"]["gpu_hours"])
    rows = [(step, *_measures(part, has_gpus)) for step, part in [*of["steps"].items(), ("total", of["total"])]]
    assumed = of["assumed"]
    power = "the power measured during training" if of["power_is_measured"] else "the datasheet's power limit"
    gpu = f"{assumed['watts_per_gpu']:g} W per GPU" if assumed["watts_per_gpu"] else f"{power} of a GPU"
    yield blocks.heading("Energy, CO2 and money: estimates")
    yield blocks.text(
        "Hours are recorded: a step counts all cores reserved for it, busy or not. The other figures follow from the "
        f"recipe's report.cost section: {assumed['watts_per_core']:g} W per core, "
        + (f"{gpu}, {assumed['usd_per_gpu_hour']:g} USD per GPU-hour, " if has_gpus else "")
        + f"{assumed['co2_grams_per_kwh']:g} g of CO2 per kWh, {assumed['usd_per_core_hour']:g} USD per core-hour. "
        "The chapters Quality, Textbooks and Exercises show the cost of a teacher."
    )
    headings = ("step", "core-hours", *(["GPU-hours"] if has_gpus else []), "energy [Wh]", "CO2 [g]", "USD")
    yield blocks.table(headings, rows)
    if of["unknown"]:
        yield blocks.text(f"Unknown, and not counted: {', '.join(of['unknown'])}.", soft=True)


def _measures(part: Facts, has_gpus: bool) -> tuple[float, ...]:
    hours = (part["core_hours"], part["gpu_hours"]) if has_gpus else (part["core_hours"],)
    return *hours, 1000 * part["kwh"], part["co2_grams"], part["usd"]


def seconds_at_work(costs: Iterable[Mapping[str, Any]]) -> float:
    """Return how long at least one step was running [s]; time that several steps shared is counted once."""
    total, until = 0.0, 0.0
    for start, end in sorted((cost["ended"] - cost["seconds"], cost["ended"]) for cost in costs if "ended" in cost):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total
