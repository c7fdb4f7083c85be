"""Adapters are trained by the loop that trains everything else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import peft
import pytest
import torch
from tests.training.training_inputs import ADAPTERS, EXACT, MODEL, SETTINGS, build, killed, make_inputs, rows_of
from transformers import PhiForCausalLM

from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.errors import RecipeError
from codeprimer.model.checkpoint import load
from codeprimer.model.lora import TARGETS, load_adapter
from codeprimer.training.adamw import STEPS
from codeprimer.training.settings import LoraSettings, Phase, Target, TrainingSettings
from codeprimer.training.state import Progress, States

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft asks

IDS_BT = torch.arange(30)[None]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    store = Store(tmp_path_factory.mktemp("undisturbed"))
    return build(store, make_inputs(store, "start"), ADAPTERS)


@pytest.fixture
def start(store: Store) -> Artifact:
    return make_inputs(store, "start")["start"]


def test_the_published_model_is_the_start_with_the_published_adapter(undisturbed: Artifact, start: Artifact) -> None:
    for folder in (undisturbed.path, undisturbed.path / "phases" / "first"):
        merged = PhiForCausalLM.from_pretrained(folder)
        adapted = peft.PeftModel.from_pretrained(PhiForCausalLM.from_pretrained(start.path), folder / "adapter")
        with torch.no_grad():
            expected = adapted(IDS_BT).logits
            torch.testing.assert_close(merged(IDS_BT).logits, expected, rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(load(folder)[0](IDS_BT), expected, rtol=1e-5, atol=1e-5)
            assert (expected - load(start.path)[0](IDS_BT)).abs().max() > 1e-3


def test_the_facts_tell_how_much_was_trained(undisturbed: Artifact) -> None:
    facts = undisturbed.facts
    trained = 2 * 4 * (3 * (32 + 32) + (32 + 32) + 2 * (32 + 64))
    assert facts["adapter"]["parameters"] == trained
    assert facts["adapter"]["rank"] == 4
    assert facts["parameters"] == load(undisturbed.path)[0].parameter_count()
    assert undisturbed.manifest["headline"].startswith(f"adapters of {trained:,} parameters on {facts['parameters']:,}")


@pytest.mark.parametrize("place", ["in a step", "while a state is written", "after a checkpoint was scored"])
def test_a_run_killed_at_any_moment_ends_in_the_same_bytes(
    place: str, store: Store, start: Artifact, undisturbed: Artifact
) -> None:
    killed(store.root, place, "1", "adapters")
    assert build(store, make_inputs(store, "start"), ADAPTERS).manifest == undisturbed.manifest


def test_saved_states_hold_the_adapters_and_nothing_of_what_is_frozen(
    store: Store, start: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[set[str]] = []
    save = States.save

    def look(self: States, position: Progress, tensors: Iterable[tuple[str, torch.Tensor]]) -> None:
        given = list(tensors)
        saved.append({name for name, _ in given} - {STEPS})
        save(self, position, given)

    monkeypatch.setattr(States, "save", look)
    build(store, make_inputs(store, "start"), ADAPTERS)
    adapters = 2 * len(TARGETS) * MODEL.layers
    for names in saved:
        assert len(names) == 3 * adapters, "numbers, and the averages of their gradients and of these squared"
        assert all(".lora_" in name for name in names)
    assert saved


def test_two_processes_have_the_loss_curve_of_one(store: Store, tmp_path: Path) -> None:
    settings = EXACT.model_copy(update={"lora": LoraSettings(rank=4)})
    alone = build(store, make_inputs(store, "start"), settings)
    other = Store(tmp_path / "other")
    both = build(other, make_inputs(other, "start"), settings.model_copy(update={"processes": 2}))
    losses = [[row["loss"] for row in rows_of(artifact)] for artifact in (alone, both)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_training_adapters_lowers_the_loss(store: Store, start: Artifact) -> None:
    phase = Phase(name="long", mixture={"exercises": 1.0}, tokens=60 * 256, batch_sequences=8, peak_learning_rate=2e-2)
    settings = TrainingSettings(
        model=MODEL,
        phases=(phase,),
        precision="float32",
        device="cpu",
        threads=1,
        lora=LoraSettings(rank=8, dropout=0.1),
    )
    rows = rows_of(build(store, make_inputs(store, "start"), settings, None))
    assert rows[-1]["loss"] < 0.95 * rows[0]["loss"], "most of it is in the output layer, which stays"


def test_what_adapters_drop_changes_the_course_once_they_do_something(store: Store, undisturbed: Artifact) -> None:
    settings = ADAPTERS.model_copy(update={"lora": LoraSettings(rank=4, alpha=8.0)})
    whole = [row["loss"] for row in rows_of(build(store, make_inputs(store, "start"), settings))]
    dropped = [row["loss"] for row in rows_of(undisturbed)]
    assert whole[0] == dropped[0]
    assert whole[1:] != dropped[1:]


def test_a_later_step_goes_on_with_the_adapter_of_an_earlier_one(store: Store, start: Artifact) -> None:
    inputs = make_inputs(store, "start")
    first, second = (ADAPTERS.model_copy(update={"phases": (phase,), "selections": 1}) for phase in ADAPTERS.phases)
    earlier = build(store, inputs, first)
    later = build(store, {**inputs, "adapter": earlier}, second)
    fresh = build(store, inputs, second)
    assert rows_of(later)[0]["loss"] < rows_of(fresh)[0]["loss"]
    merged, model = load(later.path)[0], load(start.path)[0]
    with torch.no_grad():
        theirs = load_adapter(later.path / "adapter", model)(IDS_BT)
        torch.testing.assert_close(merged(IDS_BT), theirs, rtol=1e-5, atol=1e-5)
    other = second.model_copy(update={"lora": LoraSettings(rank=2)})
    with pytest.raises(RecipeError, match=r"rank=4.*rank=2.*same"):
        build(store, {**inputs, "adapter": earlier}, other)


def test_what_does_not_go_with_adapters_is_one_sentence(store: Store, start: Artifact) -> None:
    with pytest.raises(RecipeError, match=r"training\.lora\.rank: .*start\.path"):
        build(store, make_inputs(store), ADAPTERS)
    phases = tuple(phase.model_copy(update={"optimizer": "muon"}) for phase in ADAPTERS.phases)
    with pytest.raises(RecipeError, match=r"training\.lora: .*muon.* set optimizer: adamw"):
        build(store, make_inputs(store, "start"), ADAPTERS.model_copy(update={"phases": phases}))


def test_without_adapters_nothing_is_said_of_them_and_ids_stay_what_they_were() -> None:
    assert "lora" not in SETTINGS.identity()
    assert ADAPTERS.identity()["lora"]["rank"] == 4
    assert get_args(Target) == TARGETS
