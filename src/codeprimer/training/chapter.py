"""The report's chapter on training: the models, their mixtures, their loss curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codeprimer.reporting import blocks, charts
from codeprimer.reporting.blocks import Block, Chapter
from codeprimer.reporting.facts import Facts
from codeprimer.reporting.wording import megabytes, percent

MODELS = ("control", "base", "tuned")


_OPTIMISERS = {"adamw": "AdamW", "muon": "Muon for the matrices inside the layers and AdamW for everything else"}


def training_chapter(facts: Facts) -> Chapter:
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
    return Chapter(
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
        f"Phi architecture, {_optimisers(facts)}, linear warm-up and decay. tuned continues from base, and of its checkpoints "
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


def _optimisers(facts: Facts) -> str:
    """Return with what, and at which highest rate, the models were trained."""
    phases = [phase for name in ("base", "tuned") for phase in facts[name]["phases"]]
    said = (f"{_OPTIMISERS[phase['optimiser']]} (peak rate {phase['peak_learning_rate']:g})" for phase in phases)
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


def _selection(name: str, selection: Facts) -> Block:
    rows = [
        (of["step"], of["tokens"], of["score"], "published" if of["step"] == selection["published_step"] else "")
        for of in selection["candidates"]
    ]
    by = "score on validation problems" if name == "tuned" else "minus the loss on held-out code"
    return blocks.table((f"{name} at step", "tokens", by, ""), rows)
