from __future__ import annotations

import json
import math

import pytest
import torch
from tests.training.training_inputs import MODEL, SETTINGS, build, killed, make_inputs, rows_of, score
from transformers import AutoModelForCausalLM

from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.console import Console
from codeprimer.core.errors import MissingExtraError, RecipeError, UserError
from codeprimer.model.checkpoint import load
from codeprimer.model.phi import Phi
from codeprimer.model.tokenizer import Tokenizer
from codeprimer.training.settings import Phase, TrainingSettings

KILLS = (
    "in a step",
    "while a state is written",
    "at a phase's end",
    "after a checkpoint was scored",
    "before publishing",
)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    store = Store(tmp_path_factory.mktemp("undisturbed"))
    return build(store, make_inputs(store))


def test_the_artefact_holds_a_model_its_history_and_the_choice(undisturbed: Artifact) -> None:
    names = {path.relative_to(undisturbed.path).as_posix() for path in undisturbed.path.rglob("*") if path.is_file()}
    checkpoint = {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    own = {"manifest.json", "cost.json", "metrics.jsonl", "selection.json", "speed.json"}
    phases = {f"phases/{phase}/{name}" for phase in ("first", "second") for name in checkpoint}
    assert names == checkpoint | own | phases | {"exposure/00000.parquet"}
    assert "speed.json" not in undisturbed.manifest["files"]


def test_metrics_hold_every_step_with_its_learning_rate(undisturbed: Artifact) -> None:
    rows = rows_of(undisturbed)
    assert [row["step"] for row in rows] == list(range(1, 13))
    assert [row["tokens"] for row in rows] == [128 * step for step in range(1, 13)]
    rates = [row["lr"] for row in rows]
    assert rates[:6] == rates[6:] == pytest.approx([2e-3 * part for part in (1 / 3, 2 / 3, 1, 0.75, 0.5, 0.25)])
    assert all(row["grad_norm"] > 0 for row in rows)


def test_the_exposure_tells_which_documents_were_trained_on(undisturbed: Artifact, inputs: dict[str, Artifact]) -> None:
    rows = list(undisturbed.rows("exposure"))
    seen = sum(row["tokens_seen"] for row in rows)
    assert 0.85 * undisturbed.facts["tokens"] < seen < undisturbed.facts["tokens"], "the rest is filling"
    lengths = {row["doc_id"]: row["length"] for row in inputs["tokens"].rows("index")}
    for row in rows:
        assert row["times_seen"] == pytest.approx(row["tokens_seen"] / lengths[row["doc_id"]])
        assert row["tokens_seen"] > 0


def test_training_lowers_the_loss(store: Store, inputs: dict[str, Artifact]) -> None:
    phase = Phase(name="long", mixture={"exercises": 1.0}, tokens=60 * 256, batch_sequences=8, peak_learning_rate=5e-3)
    artifact = build(
        store,
        inputs,
        TrainingSettings(model=MODEL, phases=(phase,), precision="float32", device="cpu", threads=1),
        None,
    )
    rows = rows_of(artifact)
    assert rows[0]["loss"] == pytest.approx(math.log(320), abs=0.3)
    assert rows[-1]["loss"] < 0.5 * rows[0]["loss"]
    assert artifact.facts["final_loss"] < 0.6 * rows[0]["loss"]
    assert artifact.facts["epochs"]["exercises"] > 5


@pytest.mark.parametrize("place", KILLS)
def test_a_run_killed_at_any_moment_ends_in_the_same_bytes(
    place: str, store: Store, inputs: dict[str, Artifact], undisturbed: Artifact
) -> None:
    killed(store.root, place)
    again = build(store, inputs)
    assert again.id == undisturbed.id
    assert again.manifest == undisturbed.manifest


def test_a_continued_run_does_not_start_again(
    store: Store, inputs: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    from codeprimer.training.loop import Loop

    steps: list[int] = []
    original = Loop._train_step

    def count(self: Loop, place: object) -> object:
        steps.append(self.step)
        if len(steps) == 9:
            raise KeyboardInterrupt
        return original(self, place)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(Loop, "_train_step", count)
    with pytest.raises(KeyboardInterrupt):
        build(store, inputs)
    build(store, inputs)
    assert steps[9:] == [6, 7, 8, 9, 10, 11]


def test_another_seed_gives_another_model(store: Store, inputs: dict[str, Artifact], undisturbed: Artifact) -> None:
    other = build(store, inputs, seed=2)
    assert rows_of(other)[0]["loss"] != rows_of(undisturbed)[0]["loss"]


def test_transformers_loads_the_published_model_and_each_phase(undisturbed: Artifact) -> None:
    for folder in (undisturbed.path, undisturbed.path / "phases" / "first"):
        model, _ = load(folder)
        theirs = AutoModelForCausalLM.from_pretrained(folder)
        ids_BT = torch.arange(30)[None]
        with torch.no_grad():
            assert (model(ids_BT) - theirs(ids_BT).logits).abs().max() <= 1e-5


def test_the_first_phase_ends_where_a_run_of_that_phase_alone_ends(
    store: Store, inputs: dict[str, Artifact], undisturbed: Artifact
) -> None:
    alone = build(store, inputs, SETTINGS.model_copy(update={"phases": SETTINGS.phases[:1]}))
    assert not (alone.path / "phases").exists()
    first = undisturbed.path / "phases" / "first" / "model.safetensors"
    assert (alone.path / "model.safetensors").read_bytes() == first.read_bytes()


def test_the_checkpoint_with_the_best_score_is_published(store: Store, inputs: dict[str, Artifact]) -> None:
    scores = iter([0.5, 0.8, 0.8, 0.1])

    def judge(model: Phi, tokenizer: Tokenizer, exam: Artifact) -> float:
        return next(scores)

    artifact = build(store, inputs, SETTINGS.model_copy(update={"selections": 4}), judge)
    selection = artifact.facts["selection"]
    assert [(row["step"], row["score"]) for row in selection["candidates"]] == [
        (8, 0.5),
        (9, 0.8),
        (11, 0.8),
        (12, 0.1),
    ]
    assert selection["published_step"] == 11
    assert json.loads((artifact.path / "selection.json").read_text()) == selection
    end = load(artifact.path / "phases" / "second")[0].state_dict()
    published = load(artifact.path)[0].state_dict()
    assert not torch.equal(end["lm_head.weight"], published["lm_head.weight"])


def test_a_score_is_taken_on_what_is_published(
    undisturbed: Artifact, store: Store, inputs: dict[str, Artifact]
) -> None:
    best = max(row["score"] for row in undisturbed.facts["selection"]["candidates"])
    model, _ = load(undisturbed.path)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert score(model, Tokenizer.load(undisturbed.path), inputs["exam"]) == best
    finally:
        torch.set_num_threads(threads)


def test_without_a_score_the_last_checkpoint_is_published_and_selections_warn(
    store: Store, inputs: dict[str, Artifact], capsys: pytest.CaptureFixture[str]
) -> None:
    artifact = build(store, inputs, SETTINGS, None, console=Console("auto"))
    assert artifact.facts["selection"]["published_step"] == 12
    assert artifact.facts["selection"]["criterion"] == "the last checkpoint"
    assert "selections is ignored" in capsys.readouterr().err


def test_training_continues_from_a_model(store: Store, inputs: dict[str, Artifact], undisturbed: Artifact) -> None:
    one = SETTINGS.model_copy(update={"phases": SETTINGS.phases[1:], "precision": "float32"})
    tuned = build(store, {**inputs, "start": undisturbed}, one)
    fresh = build(store, inputs, one)
    assert rows_of(tuned)[0]["loss"] < rows_of(fresh)[0]["loss"]
    assert undisturbed.path.exists()


def test_a_start_of_another_shape_is_refused(store: Store, inputs: dict[str, Artifact], undisturbed: Artifact) -> None:
    other = SETTINGS.model_copy(update={"model": MODEL.model_copy(update={"layers": 1})})
    with pytest.raises(RecipeError, match=r"layers=2.*layers=1"):
        build(store, {**inputs, "start": undisturbed}, other)


def test_a_loss_that_is_no_number_names_the_learning_rate(store: Store, inputs: dict[str, Artifact]) -> None:
    phases = tuple(
        phase.model_copy(update={"peak_learning_rate": 1.0, "warmup_steps": 0, "clip": 1e30, "tokens": 60 * 128})
        for phase in SETTINGS.phases[:1]
    )
    wild = SETTINGS.model_copy(update={"phases": phases, "precision": "float32"})

    def explode(model: Phi) -> None:
        with torch.no_grad():
            model.lm_head.weight.mul_(1e30)

    start = build(store, inputs, SETTINGS)
    model, _ = load(start.path)
    explode(model)
    from codeprimer.model.checkpoint import save_model

    save_model(start.path, model, Tokenizer.load(start.path))
    with pytest.raises(UserError, match=r"diverged in phase 'first'.*lower peak_learning_rate \(1\)"):
        build(store, {**inputs, "start": start}, wild)


def test_an_unknown_training_set_is_named(store: Store, inputs: dict[str, Artifact]) -> None:
    phase = SETTINGS.phases[0].model_copy(update={"mixture": {"raw": 1.0}})
    with pytest.raises(RecipeError, match="'raw', which has no tokens; known: code, exercises"):
        build(store, inputs, SETTINGS.model_copy(update={"phases": (phase,)}))


def test_a_missing_torch_names_the_extra(
    store: Store, inputs: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codeprimer.core.extras.find_spec", lambda package: None)
    with pytest.raises(MissingExtraError, match=r"pip install -c constraints\.txt '\.\[train\]'"):
        build(store, inputs)


def test_threads_and_kernels_are_put_back(store: Store, inputs: dict[str, Artifact]) -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    build(store, inputs)
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before
