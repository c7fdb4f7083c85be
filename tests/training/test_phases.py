"""Phases of one run: data in another order, and an optimizer that is kept, as annealing needs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.training.training_inputs import MODEL, SETTINGS, build, make_inputs, stop_at

from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.console import Console
from codeprimer.training.loop import Loop
from codeprimer.training.settings import Phase, TrainingSettings

STEPS = 4 * 32
"""Tokens of a step."""


def settings(*phases: dict[str, Any], **more: Any) -> TrainingSettings:
    common = {"mixture": {"exercises": 1.0}, "batch_sequences": 4, "warmup_steps": 0}
    made = tuple(Phase(name=f"phase{number}", **{**common, **phase}) for number, phase in enumerate(phases))
    return SETTINGS.model_copy(update={"phases": made, "selections": 1, **more})


ANNEALED = settings(
    {
        "mixture": {"code": 0.5, "exercises": 0.5},
        "tokens": 7 * STEPS,
        "decay": "none",
        "warmup_steps": 2,
        "order": {"code": "curriculum"},
        "order_noise": 0.2,
    },
    {
        "tokens": 5 * STEPS,
        "keeps_optimizer": True,
        "order": {"exercises": "curriculum"},
    },
)


def weights(artifact: Artifact) -> str:
    return str(artifact.manifest["files"]["model.safetensors"]["xxh3_128"])


@pytest.fixture(scope="module")
def annealed(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    store = Store(tmp_path_factory.mktemp("annealed"))
    return build(store, make_inputs(store), ANNEALED)


@pytest.mark.parametrize("checkpoint_every", [1, 7, 3])
@pytest.mark.parametrize("step", [2, 7, 8, 11])
def test_a_run_that_was_stopped_within_or_between_phases_ends_in_the_same_bytes(
    step: int, checkpoint_every: int, annealed: Artifact, store: Store, inputs: dict[str, Artifact]
) -> None:
    often = ANNEALED.model_copy(update={"checkpoint_every": checkpoint_every})
    with pytest.MonkeyPatch.context() as patch:
        stop_at(patch, step)
        with pytest.raises(KeyboardInterrupt):
            build(store, inputs, often)
    assert build(store, inputs, often).manifest == annealed.manifest


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_rate_that_falls_in_a_phase_of_its_own_is_one_that_falls_at_the_end_of_a_phase(
    optimizer: str, store: Store, inputs: dict[str, Artifact]
) -> None:
    flat, falling = {"tokens": 6 * STEPS, "decay": "none"}, {"tokens": 6 * STEPS, "decay": "linear"}
    of = {"optimizer": optimizer}
    whole = settings({**of, "tokens": 12 * STEPS, "decay": "stable", "decay_fraction": 0.5})
    kept = settings({**of, **flat}, {**of, **falling, "keeps_optimizer": True})
    fresh = settings({**of, **flat}, {**of, **falling})
    ends = [weights(build(store, inputs, one)) for one in (whole, kept, fresh)]
    assert ends[0] == ends[1] != ends[2]


def test_a_step_that_was_skipped_does_not_count_as_one_after_a_stop(store: Store, tmp_path: Path) -> None:
    long = settings({"tokens": 12 * STEPS})
    inputs = make_inputs(store)
    accumulate = Loop._accumulate

    def spoiled(self: Loop, optimizer: Any, *given: Any) -> Any:
        loss = accumulate(self, optimizer, *given)
        for gradient in optimizer.gradients:
            gradient.mul_(float("nan") if self.step == 1 else 1.0)
        return loss

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loop, "_accumulate", spoiled)
        other = Store(tmp_path / "other")
        whole = build(other, make_inputs(other), long)
        assert whole.facts["skipped_steps"] == 1
        with pytest.MonkeyPatch.context() as inner:
            stop_at(inner, 8)
            with pytest.raises(KeyboardInterrupt):
                build(store, inputs, long)
        assert build(store, inputs, long).manifest == whole.manifest


def test_documents_in_curriculum_order_are_trained_on_from_the_first_on(
    store: Store, inputs: dict[str, Artifact]
) -> None:
    def seen(order: dict[str, str]) -> list[str]:
        short = settings({"mixture": {"code": 1.0}, "tokens": 2 * STEPS, "order": order})
        return [row["doc_id"] for row in build(store, inputs, short).rows("exposure")]

    ordered, mixed = seen({"code": "curriculum"}), seen({})
    assert ordered == [f"code-{number}" for number in range(len(ordered))]
    assert mixed != ordered
    assert mixed == seen({"code": "shuffled"})


def test_a_curriculum_that_is_not_read_to_its_end_is_told(
    store: Store, inputs: dict[str, Artifact], capsys: pytest.CaptureFixture[str]
) -> None:
    short = settings({"mixture": {"code": 1.0}, "tokens": STEPS, "order": {"code": "curriculum"}})
    build(store, inputs, short, console=Console("auto"))
    said = " ".join(capsys.readouterr().err.split())
    assert "% of code in curriculum order; give the phase more tokens" in said
    long = settings({"mixture": {"code": 1.0}, "tokens": 40 * STEPS, "order": {"code": "curriculum"}})
    build(store, inputs, long, console=Console("auto"))
    assert "curriculum" not in capsys.readouterr().err


def test_settings_that_are_left_alone_leave_ids_alone() -> None:
    plain = Phase(name="x", mixture={"code": 1.0}, tokens=1)
    assert not {"order", "order_noise", "keeps_optimizer"} & plain.identity().keys()
    assert Phase(name="x", mixture={"code": 1.0}, tokens=1, order={"code": "curriculum"}).identity()["order"]
    assert TrainingSettings(model=MODEL, phases=(plain,)).identity()["phases"] == [plain.identity()]
