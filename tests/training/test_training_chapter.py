"""The chapter on training: what it says of held-out losses and chosen checkpoints."""

from __future__ import annotations

from typing import Any

from codeprimer.training.chapter import training_chapter


def trained(heldout: bool, candidates: int) -> dict[str, Any]:
    """Return the facts of three models, base chosen from so many checkpoints."""
    curve = [{"step": step, "tokens": 100 * step, "loss": 3.0, "bits_per_byte": 1.0} for step in (1, 2)]
    scored = [{"step": step, "tokens": 100 * step, "score": -3.0} for step in range(1, candidates + 1)]
    phase = {"name": "base", "mixture": {"code": 1.0}, "optimizer": "adamw", "peak_learning_rate": 1e-3, "end": 2}
    model = {
        "parameters": 10,
        "tokens": 200,
        "steps": 2,
        "phases": [phase],
        "epochs": {"code": 1.0},
        "precision": "float32",
        "final_loss": 3.0,
        "loss_curve": curve,
        "selection": {"candidates": scored, "published_step": candidates},
        **({"heldout_curve": curve} if heldout else {}),
    }
    return {"tokens": {"sets": {"code": {"bytes": 10}}}, **dict.fromkeys(("control", "base", "tuned"), model)}


def test_held_out_losses_and_the_choice_by_them_are_shown_only_where_they_are() -> None:
    plain, watched = (str(training_chapter(trained(heldout, count))) for heldout, count in ((False, 1), (True, 2)))
    for word in ("dashed", "held-out code", "base at step"):
        assert word not in plain
        assert word in watched
    assert "tuned at step" in plain
