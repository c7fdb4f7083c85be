"""The report's chapter on training: the models, their mixtures and their loss curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codeprimer.core.documents import MODELS
from codeprimer.reporting import blocks, charts
from codeprimer.reporting.blocks import Block, Chapter
from codeprimer.reporting.facts import Facts
from codeprimer.reporting.wording import megabytes, percent

_OPTIMIZERS = {"adamw": "AdamW", "muon": "Muon for the layers' weight matrices and AdamW for all other weights"}


def training_chapter(facts: Facts) -> Chapter:
    """Return the chapter on the three models."""
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


def _how(facts: Facts, heldout: bool) -> str:
    """Return a paragraph on how the models were trained and how to read their loss curves."""
    of_base = ", base's by the loss on held-out code" if "base" in _chosen(facts) else ""
    dashed = (
        " The dashed curves show the loss on the same held-out code, so they can be compared; the bits per byte in the chapter "
        "Result are measured on other documents."
    )
    return (
        f"The models are Phi models, trained with {_optimizers(facts)}, linear warm-up and decay. tuned continues from base; "
        f"its checkpoint was chosen by the validation score{of_base}. control trains on raw code, with the combined token "
        "budget, the batch sizes and the learning rates of both; its last checkpoint is published. The models train on "
        f"different texts, so their training losses cannot be compared with each other.{dashed if heldout else ''}"
    )


def _curves(facts: Facts, kind: str) -> list[dict[str, Any]]:
    """Return the points of all models' curves of one kind; tuned continues where base ended."""
    return [
        {"model": name, "tokens": point["tokens"] + _tokens_before(facts, name), "loss": point["loss"]}
        for name in MODELS
        for point in facts[name].get(kind, ())
    ]


def _beginning(facts: Facts) -> str:
    """Return a paragraph on what the models started from."""
    if not facts["tokens"].get("taken"):
        return (
            "All three models share one vocabulary. It was learned from filtered code, textbooks and exercises, not from raw "
            "code, so equal numbers of tokens correspond to slightly different numbers of bytes."
        )
    said = "control and base start from the model that the recipe names; all three models use its tokenizer."
    if (adapter := facts["tuned"].get("adapter")) is None:
        return said
    return (
        f"{said} The start model is frozen: only adapters of rank {adapter['rank']} for {', '.join(adapter['targets'])} "
        f"({adapter['parameters']:,} parameters) were trained. tuned continues with base's adapters."
    )


def _optimizers(facts: Facts) -> str:
    """Return the names of the optimizers and their peak learning rates."""
    phases = [phase for name in ("base", "tuned") for phase in facts[name]["phases"]]
    said = (
        f"{_OPTIMIZERS[phase['optimizer']]} (peak learning rate {phase['peak_learning_rate']:g})" for phase in phases
    )
    return ", then ".join(dict.fromkeys(said))


def _training_row(of: Facts, sets: Facts) -> tuple[Any, ...]:
    mixture = "; then ".join(_mixture(phase["mixture"]) for phase in of["phases"])
    epochs = ", ".join(f"{name} {count:.2f}" for name, count in of["epochs"].items())
    read = megabytes(round(sum(count * sets[name]["bytes"] for name, count in of["epochs"].items())))
    return of["parameters"], of["tokens"], read, of["steps"], mixture, epochs, of["precision"], of["final_loss"]


def _mixture(weights: Mapping[str, float]) -> str:
    total = sum(weights.values())
    return " + ".join(
        name if len(weights) == 1 else f"{percent(weight / total)} {name}" for name, weight in weights.items()
    )


def _tokens_before(facts: Facts, name: str) -> int:
    return int(facts["base"]["tokens"]) if name == "tuned" else 0


def _chosen(facts: Facts) -> list[str]:
    """Return the names of the models whose checkpoint was chosen: tuned, and base if it had several candidates."""
    return [name for name in ("base", "tuned") if name == "tuned" or len(facts[name]["selection"]["candidates"]) > 1]


def _selection(name: str, selection: Facts) -> Block:
    rows = [
        (of["step"], of["tokens"], of["score"], "published" if of["step"] == selection["published_step"] else "")
        for of in selection["candidates"]
    ]
    by = "score on validation problems" if name == "tuned" else "negative loss on held-out code"
    return blocks.table((f"{name} at step", "tokens", by, ""), rows)
