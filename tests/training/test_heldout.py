"""The loss on held-out code while a model trains: what is noted, and that nothing else changes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.training_inputs import EXACT, EXERCISES, SETTINGS, build, make_inputs, manifest, rows_of, stop_at

from codeprimer.benchmarks.heldout import open_heldout
from codeprimer.benchmarks.texts import watched_texts
from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.console import Console
from codeprimer.core.documents import KEPT, document_id
from codeprimer.core.errors import RecipeError
from codeprimer.model.checkpoint import load
from codeprimer.model.tokenizer import Tokenizer
from codeprimer.training.heldout import OpenHeldout, Watch
from codeprimer.training.session import heldout_curve

WATCHED = SETTINGS.model_copy(update={"heldout_every": 5})


def with_quality(store: Store, inputs: dict[str, Artifact], split: str = "heldout") -> dict[str, Artifact]:
    """Return the inputs with a quality artefact whose kept documents are of one split."""
    texts = [f"# {number}\n{text}" for number, text in enumerate(EXERCISES[:6])]
    with store.workspace("quality", "0" * 16) as workspace:
        with workspace.table("kept", KEPT) as table:
            for number, text in enumerate(texts):
                table.write(
                    {
                        "doc_id": document_id(text),
                        "text": text,
                        "package": f"p{number % 4}",
                        "split": split,
                        "score": 1.0,
                    }
                )
        quality = store.publish(workspace, manifest("quality"), (), {})
    return {**inputs, "quality": quality}


def build_watched(store: Store, settings: Any = WATCHED, **more: Any) -> Artifact:
    return build(store, with_quality(store, make_inputs(store)), settings, heldout=open_heldout, **more)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return build_watched(Store(tmp_path_factory.mktemp("watched")))


def test_the_loss_is_noted_beside_that_of_its_step_and_after_the_last_one(watched: Artifact) -> None:
    rows = rows_of(watched)
    assert [row["step"] for row in rows if "heldout_loss" in row] == [5, 10, 12]
    curve = watched.facts["heldout_curve"]
    assert [(point["step"], point["tokens"]) for point in curve] == [(5, 640), (10, 1280), (12, 1536)]
    assert curve[0]["loss"] > curve[-1]["loss"] > 0


def test_looking_changes_no_weight_and_no_choice(watched: Artifact, store: Store, inputs: dict[str, Artifact]) -> None:
    blind = build(store, inputs)
    changed = {name for name, of in watched.manifest["files"].items() if blind.manifest["files"].get(name) != of}
    assert changed == {"metrics.jsonl"}
    assert blind.manifest["files"].keys() == watched.manifest["files"].keys()
    assert "heldout_curve" not in blind.facts
    for row, other in zip(rows_of(watched), rows_of(blind), strict=True):
        assert {name: value for name, value in row.items() if not name.startswith("heldout")} == other


def test_what_is_noted_is_the_mean_over_all_tokens_and_the_bits_of_all_bytes(watched: Artifact, store: Store) -> None:
    inputs = with_quality(store, make_inputs(store))
    tokenizer = Tokenizer.load(watched.path)
    measured = open_heldout(tokenizer, inputs["quality"], 1)
    model, _ = load(watched.path / "phases" / "second")
    loss, bits_per_byte = measured(model)
    last = rows_of(watched)[-1]
    assert (last["heldout_loss"], last["heldout_bits_per_byte"]) == pytest.approx((loss, bits_per_byte), rel=1e-5)
    texts = watched_texts(inputs["quality"], 1)
    assert len(texts) == 3, "half of what was held out; the rest is for the evaluation"
    tokens = sum(len(tokenizer.encode(text)) for text in texts)
    assert loss * tokens / math.log(2) == pytest.approx(bits_per_byte * sum(map(len, texts)))


@pytest.mark.parametrize("stopped_at", [4, 5, 8, 11])
def test_a_run_that_was_stopped_notes_the_same(
    stopped_at: int, watched: Artifact, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stop_at(patch, stopped_at)
        with pytest.raises(KeyboardInterrupt):
            build_watched(store)
    again = build_watched(store)
    assert again.manifest == watched.manifest


def test_of_two_processes_the_first_looks(store: Store, tmp_path: Path) -> None:
    settings = EXACT.model_copy(update={"heldout_every": 5})
    alone = build_watched(store, settings)
    both = build_watched(Store(tmp_path / "other"), settings.model_copy(update={"processes": 2}))
    assert both.id == alone.id
    losses = [[row["heldout_loss"] for row in rows_of(of) if "heldout_loss" in row] for of in (alone, both)]
    assert len(losses[0]) == 3
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_a_run_that_does_not_look_keeps_its_id(store: Store, inputs: dict[str, Artifact]) -> None:
    assert "heldout_every" not in SETTINGS.identity()
    assert WATCHED.identity() == {**SETTINGS.identity(), "heldout_every": 5}
    assert build(store, inputs, SETTINGS).manifest["settings"].keys() == SETTINGS.identity().keys()


def test_where_nothing_was_held_out_the_setting_that_does_it_is_named(
    store: Store, inputs: dict[str, Artifact]
) -> None:
    blind = with_quality(store, inputs, split="train")
    with pytest.raises(RecipeError, match=r"no held-out document was kept; raise corpus\.heldout_fraction"):
        build(store, blind, WATCHED, heldout=open_heldout)


def test_where_nothing_measures_the_setting_is_not_ignored_silently(
    store: Store, inputs: dict[str, Artifact], capsys: pytest.CaptureFixture[str]
) -> None:
    artifact = build(store, inputs, WATCHED, console=Console("auto"))
    assert "heldout_curve" not in artifact.facts
    assert "training.heldout_every is ignored" in capsys.readouterr().err


def test_whoever_waits_sees_the_last_loss_that_was_measured() -> None:
    measured = iter([(3.25, 1.5), (2.0, 1.0)])
    watch = Watch(lambda model: next(measured), every=4, total=6)
    model: Any = torch.nn.Identity()
    said = []
    for step in range(1, 7):
        noted = watch.look(step, lambda: model)
        assert bool(noted) == (step in (4, 6))
        said.append(watch.note)
    assert said == ["", "", "", ", held-out loss 3.250", ", held-out loss 3.250", ", held-out loss 2.000"]


def test_a_long_curve_is_thinned_and_keeps_its_end() -> None:
    rows = [
        {"step": step, "tokens": 10 * step, "heldout_loss": 3.0, "heldout_bits_per_byte": 1.0}
        for step in range(1, 1001)
    ]
    curve = heldout_curve(rows)
    assert len(curve) <= 200
    assert curve[-1]["step"] == 1000
    assert heldout_curve([{"step": 1, "tokens": 10}]) == []
    assert heldout_curve([json.loads('{"step":1,"tokens":1,"heldout_loss":null,"heldout_bits_per_byte":null}')]) == []


def by_turns(losses: list[float]) -> OpenHeldout:
    """Return what measures these losses, one after the other."""
    left = iter(losses)
    return lambda tokenizer, quality, seed: lambda model: (next(left), 1.0)


@pytest.mark.parametrize(
    ("losses", "chosen"),
    [([3.0, 2.0, 2.5, 9.0], 9), ([3.0, 2.0, 2.0, 9.0], 11), ([math.nan, 2.0, 3.0, 4.0], 9), ([4.0, 3.0, 2.0, 1.0], 12)],
)
def test_where_nothing_else_scores_the_lowest_held_out_loss_chooses(
    losses: list[float], chosen: int, store: Store, inputs: dict[str, Artifact]
) -> None:
    four = SETTINGS.model_copy(update={"selections": 4, "heldout_every": 100})
    told = [*losses[:3], 7.0, losses[3]]  # the look after the last step comes before the last checkpoint is scored
    artifact = build(store, with_quality(store, inputs), four, None, heldout=by_turns(told))
    selection = artifact.facts["selection"]
    assert selection["criterion"] == "held-out loss"
    assert selection["published_step"] == chosen
    scores = [None if math.isnan(loss) else -loss for loss in losses]
    assert [row["score"] for row in selection["candidates"]] == scores
    assert json.loads((artifact.path / "selection.json").read_text()) == selection


def test_it_chooses_for_real_and_a_run_that_was_stopped_chooses_alike(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    four = WATCHED.model_copy(update={"selections": 4})
    whole = build_watched(Store(tmp_path / "other"), four, judge=None, console=Console("auto"))
    assert "ignored" not in capsys.readouterr().err
    candidates = whole.facts["selection"]["candidates"]
    best = max(candidates, key=lambda row: row["score"])
    assert (len(candidates), whole.facts["selection"]["published_step"]) == (4, best["step"])
    assert candidates[-1]["score"] == pytest.approx(-rows_of(whole)[-1]["heldout_loss"])
    with monkeypatch.context() as patch:
        stop_at(patch, 10)
        with pytest.raises(KeyboardInterrupt):
            build_watched(store, four, judge=None)
    assert build_watched(store, four, judge=None).manifest == whole.manifest


def test_validation_problems_choose_where_there_are_any_and_a_single_checkpoint_is_the_last(
    watched: Artifact, store: Store
) -> None:
    assert watched.facts["selection"]["criterion"] == "validation problems"
    one = build_watched(store, WATCHED.model_copy(update={"selections": 1}), judge=None)
    assert one.facts["selection"]["criterion"] == "the last checkpoint"


def test_the_held_out_loss_chooses_among_checkpoints_of_a_model_that_two_share(store: Store, tmp_path: Path) -> None:
    watched = EXACT.model_copy(update={"heldout_every": 4, "selections": 3})
    shared = watched.model_copy(update={"processes": 2, "sharded": True})
    both = build(store, with_quality(store, make_inputs(store)), shared, None, heldout=open_heldout)
    other = Store(tmp_path / "other")
    alone = build(other, with_quality(other, make_inputs(other)), watched, None, heldout=open_heldout)
    chosen = [artifact.facts["selection"] for artifact in (both, alone)]
    assert [of["criterion"] for of in chosen] == ["held-out loss"] * 2
    assert [len(of["candidates"]) for of in chosen] == [3, 3]
    assert chosen[0]["published_step"] == chosen[1]["published_step"]
