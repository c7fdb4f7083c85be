"""What goes wrong in training, for real, and what becomes of the run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.training.training_inputs import EXACT, SETTINGS, build, make_inputs, rows_of

from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.console import Console
from codeprimer.core.errors import UserError
from codeprimer.model.forward import ForwardOptions
from codeprimer.model.phi import Phi
from codeprimer.training.loop import Loop

ROOT = Path(__file__).parents[2]
LONG = SETTINGS.model_copy(
    update={
        "phases": (SETTINGS.phases[0].model_copy(update={"tokens": 40 * 4 * 32}),),
        "checkpoint_every": 10,
        "skips": 3,
        "selections": 1,
    }
)
"""40 steps in one phase."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """What an undisturbed run of 40 steps makes."""
    store = Store(tmp_path_factory.mktemp("whole"))
    return build(store, make_inputs(store), LONG)


@pytest.fixture(scope="module")
def _interrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of such a run that ended after 35 steps."""
    store = Store(tmp_path_factory.mktemp("interrupted"))
    with pytest.MonkeyPatch.context() as patch:
        end_at(patch, 35)
        with pytest.raises(KeyboardInterrupt):
            build(store, make_inputs(store), LONG)
    return store.root


@pytest.fixture
def newest(_interrupted: Path, store: Store, inputs: dict[str, Artifact]) -> Path:
    """The newest state of a run, in ``store``, that ended after 35 steps."""
    shutil.copytree(_interrupted, store.root, dirs_exist_ok=True)
    return max(store.root.glob("**/states/*"))


Spoil = Callable[[int, int], float]
"""For a step and how many were jumped: what its gradients are multiplied by."""


def spoil(monkeypatch: pytest.MonkeyPatch, factor: Spoil) -> list[int]:
    """Multiply the gradients of steps; return, step after step, which data were used."""
    original = Loop._accumulate
    used: list[int] = []

    def spoiled(self: Loop, optimizer: Any, *arguments: Any) -> Any:
        loss = original(self, optimizer, *arguments)
        used.append(self.step + self.guard.jumped)
        for gradient in optimizer.gradients:
            gradient.mul_(factor(self.step, self.guard.jumped))
        return loss

    monkeypatch.setattr(Loop, "_accumulate", spoiled)
    return used


@pytest.mark.parametrize("factor", [float("nan"), float("inf"), 1e6])
def test_one_step_with_a_wild_gradient_is_left_out(
    factor: float, store: Store, inputs: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, lambda step, _: factor if step == 25 else 1.0)
    artifact = build(store, inputs, LONG)
    rows = rows_of(artifact)
    assert [row["step"] for row in rows if row.get("skipped")] == [26]
    assert len(rows) == 40
    assert artifact.facts["skipped_steps"] == 1
    assert artifact.facts["rollbacks"] == []
    assert rows[-1]["loss"] < rows[0]["loss"]


def test_many_of_them_lead_back_to_the_last_checkpoint_and_past_their_data(
    store: Store, inputs: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    used = spoil(monkeypatch, lambda step, jumped: float("nan") if 24 <= step + jumped < 27 else 1.0)
    artifact = build(store, inputs, LONG, console=Console("auto"))
    assert artifact.facts["rollbacks"] == [{"from": 27, "to": 20}]
    assert artifact.facts["skipped_steps"] == 3
    assert used == [*range(27), *range(27, 47)], "the data that led astray are not seen again"
    rows = rows_of(artifact)
    assert [row["step"] for row in rows] == list(range(1, 41))
    assert not any(row.get("skipped") for row in rows)
    said = " ".join(capsys.readouterr().err.split())
    assert "from step 27 to 20 in phase 'first'" in said


def test_no_state_is_saved_while_steps_are_skipped(
    store: Store, inputs: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, lambda step, jumped: float("nan") if 28 <= step + jumped < 31 else 1.0)
    assert build(store, inputs, LONG).facts["rollbacks"] == [{"from": 31, "to": 20}], "not to 30, which was skipped"


def test_a_run_that_goes_astray_again_and_again_ends_with_the_remedy(
    store: Store, inputs: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, lambda step, _: float("nan") if step >= 24 else 1.0)
    with pytest.raises(UserError, match=r"diverged in phase 'first' after 3 rollbacks.*lower peak_learning_rate"):
        build(store, inputs, LONG)


def test_a_run_that_went_back_and_was_killed_ends_in_the_same_bytes(
    store: Store, inputs: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def wild(step: int, jumped: int) -> float:
        return float("nan") if 24 <= step + jumped < 27 else 1.0

    other = Store(tmp_path / "other")
    with monkeypatch.context() as patch:
        spoil(patch, wild)
        whole = build(other, make_inputs(other), LONG)
    for last in (25, 26, 35):
        with monkeypatch.context() as patch:
            spoil(patch, wild)
            end_at(patch, last)
            with pytest.raises(KeyboardInterrupt):
                build(store, inputs, LONG)
    spoil(monkeypatch, wild)
    assert build(store, inputs, LONG).manifest == whole.manifest


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_run_that_left_out_a_step_and_was_killed_ends_in_the_same_bytes(
    precision: str,
    store: Store,
    inputs: dict[str, Artifact],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    settings = LONG.model_copy(update={"precision": precision})
    other = Store(tmp_path / "other")
    spoil(monkeypatch, lambda step, _: float("nan") if step == 25 else 1.0)
    whole = build(other, make_inputs(other), settings)
    assert whole.facts["skipped_steps"] == 1
    with monkeypatch.context() as patch:
        end_at(patch, 35)
        with pytest.raises(KeyboardInterrupt):
            build(store, inputs, settings)
    assert build(store, inputs, settings).manifest == whole.manifest


def _change(**facts: object) -> Callable[[Path], None]:
    """Have a position say something else."""

    def change(state: Path) -> None:
        sealed = json.loads((state / "position.json").read_text())
        sealed["position"] |= facts
        (state / "position.json").write_text(json.dumps(sealed))

    return change


def _no_averages(state: Path) -> None:
    tensors = load_file(state / "tensors.safetensors")
    save_file({name: of for name, of in tensors.items() if name.startswith("model.")}, state / "tensors.safetensors")


def _other_weights(state: Path) -> None:
    save_file({"model.other": torch.zeros(2)}, state / "tensors.safetensors")


def _no_metrics(state: Path) -> None:
    (state.parents[1] / "metrics.jsonl").unlink()


def _other_metrics(state: Path) -> None:
    path = state.parents[1] / "metrics.jsonl"
    path.write_bytes(b"\xff" * path.stat().st_size)


def _empty_metrics(state: Path) -> None:
    (state.parents[1] / "metrics.jsonl").write_text("")


@pytest.mark.parametrize(
    "damage",
    [
        _change(step="x"),
        _change(guard={"foo": 1}),
        _change(micro_sequences=-3),
        _other_weights,
        _no_averages,
        _no_metrics,
        _empty_metrics,
        _other_metrics,
    ],
)
def test_a_state_that_is_not_one_of_the_run_is_passed_over(
    damage: Callable[[Path], None],
    store: Store,
    inputs: dict[str, Artifact],
    newest: Path,
    whole: Artifact,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(newest)
    assert build(store, inputs, LONG, console=Console("auto")).manifest == whole.manifest
    assert "previous state" in capsys.readouterr().err


def test_what_is_no_state_stays_where_it_is_and_stands_in_nobodys_way(
    store: Store, inputs: dict[str, Artifact], newest: Path, whole: Artifact
) -> None:
    (newest.parent / "00000099").touch()
    (newest.parent / "00000098").symlink_to(newest)
    (newest.parent / "²").mkdir()
    assert build(store, inputs, LONG).manifest == whole.manifest


def end_at(monkeypatch: pytest.MonkeyPatch, last: int) -> None:
    """Have a run end as if it had been killed before a step."""
    advance = Loop._advance

    def until_last(self: Loop, *given: Any) -> None:
        if self.step == last:
            raise KeyboardInterrupt
        advance(self, *given)

    monkeypatch.setattr(Loop, "_advance", until_last)


def test_where_memory_does_not_suffice_less_is_computed_at_a_time(
    store: Store, inputs: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original = Phi.loss
    sizes: list[int] = []

    def loss(self: Phi, ids: torch.Tensor, *arguments: Any) -> torch.Tensor:
        sizes.append(len(ids))
        if len(ids) > 1:
            torch.empty(2**60)  # a real failure of the allocator
        return original(self, ids, *arguments)

    monkeypatch.setattr(Phi, "loss", loss)
    artifact = build(store, inputs, LONG, console=Console("auto"))
    assert sizes[:6] == [3, 2, 1, 1, 1, 1]
    assert set(sizes[6:]) == {1}
    assert artifact.facts["micro_sequences"] == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "micro-batch 3 in step 1; continuing with 2" in said
    assert "training.micro_sequences: 1" in said


def test_what_was_computed_before_memory_ran_out_counts_once(
    store: Store, inputs: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    def weights_of(micro: int) -> str:
        artifact = build(store, inputs, LONG.model_copy(update={"micro_sequences": micro}))
        assert artifact.facts["micro_sequences"] == 2
        return str(artifact.manifest["files"]["model.safetensors"]["xxh3_128"])

    from_the_start = weights_of(2)
    original = Phi.loss
    calls: list[int] = []

    def loss(self: Phi, ids: torch.Tensor, *arguments: Any) -> torch.Tensor:
        calls.append(len(ids))
        if len(calls) == 2:
            torch.empty(2**60)
        return original(self, ids, *arguments)

    monkeypatch.setattr(Phi, "loss", loss)
    assert weights_of(3) == from_the_start
    assert calls[:4] == [3, 1, 2, 2]


def test_what_cannot_be_halved_ends_with_what_to_do(
    store: Store, inputs: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Phi, "loss", lambda *_: torch.empty(2**60))
    with pytest.raises(UserError, match="out of memory at micro-batch 1; use a smaller model"):
        build(store, inputs, LONG)
    loop: Any = types.SimpleNamespace(micro_sequences=4, _ranks=types.SimpleNamespace(count=2))
    nothing: Any = None
    with pytest.raises(UserError, match=r"in one of 2 processes.*lower training\.micro_sequences \(4\)"):
        Loop._use_less_memory(loop, MemoryError(), nothing, 8)


def test_another_error_is_not_taken_for_a_lack_of_memory(
    store: Store, inputs: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    def loss(self: Phi, *_: Any) -> torch.Tensor:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(Phi, "loss", loss)
    with pytest.raises(RuntimeError, match="mat1"):
        build(store, inputs, LONG)


def states_of(store: Store) -> list[Path]:
    return sorted(store.root.glob("*partial*/**/states/*")) or sorted(store.root.glob("**/states/*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_the_step_that_is_done_and_the_next_run_ends_in_the_same_bytes(
    number: int, store: Store, inputs: dict[str, Artifact], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tests.training.training_inputs", str(store.root), "slowly"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as child:
        deadline = time.monotonic() + 60
        while not list(store.root.glob("**/metrics.jsonl")) or _lines(store) < 5:
            assert time.monotonic() < deadline
            assert child.poll() is None
            time.sleep(0.01)
        os.kill(child.pid, number)
        assert child.wait(30) == 130
        assert child.stderr is not None
        assert child.stderr.read().strip().endswith("stopped")
    done = _lines(store)
    assert done >= 5
    assert [int(path.name) for path in states_of(store)][-1] == done, "between two checkpoints"
    other = Store(tmp_path / "other")
    assert build(store, inputs).manifest == build(other, make_inputs(other)).manifest


def _lines(store: Store) -> int:
    return sum(len(path.read_bytes().splitlines()) for path in store.root.glob("**/metrics.jsonl"))


def test_a_state_that_was_cut_off_costs_the_steps_since_the_one_before(
    store: Store, inputs: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch, whole: Artifact
) -> None:
    steps: list[int] = []
    original = Loop._advance

    def stop(self: Loop, *given: Any) -> None:
        steps.append(self.step)
        if len(steps) == 25:
            raise KeyboardInterrupt
        original(self, *given)

    monkeypatch.setattr(Loop, "_advance", stop)
    with pytest.raises(KeyboardInterrupt):
        build(store, inputs, LONG)
    weights = states_of(store)[-1] / "tensors.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    artifact = build(store, inputs, LONG)
    assert steps[25:] == list(range(10, 40))
    assert artifact.manifest == whole.manifest


def test_dropout_and_accumulation_change_the_weights(store: Store, inputs: dict[str, Artifact]) -> None:
    def end(**changes: Any) -> str:
        artifact = build(store, inputs, SETTINGS.model_copy(update=changes))
        content: dict[str, Any] = artifact.manifest["files"]["model.safetensors"]
        return str(content["xxh3_128"])

    neither = {"attention_dropout": 0.0, "residual_dropout": 0.0}
    found = {end(), end(attention_dropout=0.0), end(residual_dropout=0.0), end(**neither)}
    assert len(found) == 4


def test_every_part_of_every_step_drops_something_else(
    store: Store, inputs: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Phi.loss
    seeds: list[int] = []

    def loss(
        self: Phi, ids: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor, options: ForwardOptions
    ) -> torch.Tensor:
        assert options.random is not None
        seeds.append(options.random.initial_seed())
        return original(self, ids, targets, weights, options)

    monkeypatch.setattr(Phi, "loss", loss)
    build(store, inputs)
    assert len(seeds) == 2 * 12, "steps of four sequences, three at a time"
    assert len(set(seeds)) == len(seeds)


def test_a_step_in_parts_is_the_step_as_a_whole(store: Store, inputs: dict[str, Artifact]) -> None:
    def losses(micro: int) -> list[float]:
        settings = EXACT.model_copy(update={"micro_sequences": micro})
        return [row["loss"] for row in rows_of(build(store, inputs, settings))]

    assert losses(1) == pytest.approx(losses(0), rel=1e-4)
    assert losses(3) == pytest.approx(losses(0), rel=1e-4)
