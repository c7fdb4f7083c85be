"""The chapters about models: how they were trained, what they cost, and where everything came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from codeprimer.report import blocks, charts
from codeprimer.report.blocks import Section
from codeprimer.report.wording import duration, megabytes, percent

Facts = Mapping[str, Any]

MODELS = ("control", "base", "tuned")

_NARROW = "\N{NO-BREAK SPACE}"
"""Keeps a figure and its unit on one line in a column that is narrow."""

_OPTIMIZERS = {"adamw": "AdamW", "muon": "Muon for the matrices inside the layers and AdamW for everything else"}


def training_section(facts: Facts) -> Section:
    """Three models, one loop, three mixtures of data."""
    rows = [(name, *_training_row(facts[name], facts["tokens"]["sets"])) for name in MODELS]
    points, heldout = _curves(facts, "loss_curve"), _curves(facts, "heldout_curve")
    headings = (
        "model",
        "parameters",
        "tokens",
        "text read",
        "steps",
        "trained on",
        "epochs",
        "precision",
        "final loss",
    )
    return Section(
        "training",
        "Training",
        [
            blocks.text(_how(facts, bool(heldout))),
            blocks.table(headings, rows),
            blocks.text(_beginning(facts), soft=True),
            blocks.chart(charts.loss_curves(points, heldout)),
            *(_selection(name, facts[name]["selection"]) for name in _chosen(facts)),
        ],
    )


def _how(facts: Facts, watched: bool) -> str:
    """Return how the models were trained, and how their curves are to be read."""
    of_base = "; of base's the loss on held-out code chose one" if "base" in _chosen(facts) else ""
    dashed = (
        " The dashed curves are losses on the same held-out code, so these can be compared; the bits per byte of the "
        "results are measured on other documents."
    )
    return (
        f"Phi architecture, {_optimizers(facts)}, linear warm-up and decay. tuned continues from base, and of its checkpoints "
        f"validation chose one{of_base}; control has the tokens, the batches and the learning rates of both, on raw code, and "
        "its last checkpoint counts. Losses are on different texts: only each curve's own course can be read, not one model "
        f"against another.{dashed if watched else ''}"
    )


def _curves(facts: Facts, kind: str) -> list[dict[str, Any]]:
    """Return the points of one kind of curve of all models; tuned goes on where base has ended."""
    return [
        {"model": name, "tokens": point["tokens"] + _tokens_before(facts, name), "loss": point["loss"]}
        for name in MODELS
        for point in facts[name].get(kind, ())
    ]


def _beginning(facts: Facts) -> str:
    """Return what the models had before their first step."""
    if not facts["tokens"].get("taken"):
        return (
            "The vocabulary that all three share is learnt from code, textbooks and exercises, not from raw code, so equal "
            "tokens are not quite equal bytes."
        )
    said = "control and base start from a model that the recipe names, and all three have its tokenizer."
    if (adapter := facts["tuned"].get("adapter")) is None:
        return said
    return (
        f"{said} Its weights stayed as they were: trained were adapters of rank {adapter['rank']} for "
        f"{', '.join(adapter['targets'])} ({adapter['parameters']:,} parameters), which tuned took over from base."
    )


def _optimizers(facts: Facts) -> str:
    """Return with what, and at which highest rate, the models were trained."""
    phases = [phase for name in ("base", "tuned") for phase in facts[name]["phases"]]
    said = (f"{_OPTIMIZERS[phase['optimizer']]} (peak rate {phase['peak_learning_rate']:g})" for phase in phases)
    return ", then ".join(dict.fromkeys(said))


def _training_row(of: Facts, sets: Facts) -> tuple[Any, ...]:
    mixture = "; then ".join(_mixture(phase["mixture"]) for phase in of["phases"])
    epochs = ", ".join(f"{name} {count:.2f}" for name, count in of["epochs"].items())
    read = megabytes(round(sum(count * sets[name]["bytes"] for name, count in of["epochs"].items())))
    return of["parameters"], of["tokens"], read, of["steps"], mixture, epochs, of["precision"], of["final_loss"]


def _mixture(shares: Mapping[str, float]) -> str:
    total = sum(shares.values())
    return " + ".join(
        name if len(shares) == 1 else f"{percent(share / total)} {name}" for name, share in shares.items()
    )


def _tokens_before(facts: Facts, name: str) -> int:
    return int(facts["base"]["tokens"]) if name == "tuned" else 0


def _chosen(facts: Facts) -> list[str]:
    """Return the models of which a checkpoint was chosen: tuned, and base where there was more than its last one."""
    return [name for name in ("base", "tuned") if name == "tuned" or len(facts[name]["selection"]["candidates"]) > 1]


def _selection(name: str, selection: Facts) -> blocks.Block:
    rows = [
        (of["step"], of["tokens"], of["score"], "published" if of["step"] == selection["published_step"] else "")
        for of in selection["candidates"]
    ]
    by = "score on validation problems" if name == "tuned" else "minus the loss on held-out code"
    return blocks.table((f"{name} at step", "tokens", by, ""), rows)


def cost_section(facts: Facts) -> Section:
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
    return Section(
        "cost",
        "Cost",
        [
            blocks.text("Seconds when each artefact was made, over all attempts but those that were killed outright."),
            blocks.table(("step", "time", "peak memory so far", "result"), rows),
            *_speeds(facts["speed"]),
            *_footprint(facts["footprint"]),
        ],
    )


def _speeds(speeds: Facts) -> Iterator[blocks.Block]:
    """How well training used its machine, where that is recorded."""
    told = {name: of for name, of in speeds.items() if "utilization" in of}
    if not told:
        return
    rows = [
        (
            name,
            round(of["tokens_per_second"] or 0),
            _share(of["utilization"]),
            _share(of["mfu"]),
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


def _footprint(of: Facts) -> Iterator[blocks.Block]:
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


def provenance_section(facts: Facts) -> Section:
    """Every artefact's id; equal ids are equal bytes."""
    rows = [
        (step, f"{of['stage']}-{of['id']}", of["version"], of["seed"] if of["seed"] is not None else "-")
        for step, of in facts["artefacts"].items()
    ]
    return Section(
        "provenance",
        "Provenance",
        [
            blocks.text(
                "An artefact's id hashes its stage's version and settings, its seed, the ids of its inputs and the content "
                "of its source files. The same id means the same bytes."
            ),
            blocks.table(("step", "artefact", "version of the stage", "seed"), rows),
        ],
    )
