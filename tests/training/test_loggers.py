from __future__ import annotations

import importlib.util
import io
from pathlib import Path
from typing import Any

import pytest
from tests.training.training_inputs import SETTINGS, build, rows_of

from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.console import Console
from codeprimer.core.errors import MissingExtraError
from codeprimer.core.stage import Tools, identify, run_stage
from codeprimer.engines.local import local_engine
from codeprimer.training import loggers as module
from codeprimer.training.settings import TrainingSettings
from codeprimer.training.stage import TrainingStage

BOARD = SETTINGS.model_copy(update={"loggers": ("tensorboard",)})
CHANNELS = {"train/loss", "train/lr", "train/grad_norm", "train/tokens", "train/tokens_per_second"}


def train(store: Store, inputs: dict[str, Artifact], settings: TrainingSettings, logs: Path) -> Artifact:
    """Train as a run does, which has a folder for logs."""
    console, stage = Console("quiet"), TrainingStage()
    ids = {name: artifact.id for name, artifact in inputs.items()}
    tools = Tools(local_engine(console, 1), console, 1, step="base", logs=logs)
    return run_stage(stage, settings, inputs, identify(stage, settings, ids, tools), store, tools).artifact


def series_of(folder: Path, tag: str) -> list[tuple[int, float]]:
    """Return what TensorBoard shows of a tag."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    assert set(events.Tags()["scalars"]) >= CHANNELS
    return [(event.step, event.value) for event in events.Scalars(tag)]


def test_tensorboard_shows_every_step_and_the_artefact_is_the_same(
    store: Store, inputs: dict[str, Artifact], tmp_path: Path
) -> None:
    plain = build(store, inputs, SETTINGS, None)
    store.remove(plain.path)
    artifact = train(store, inputs, BOARD, tmp_path / "logs")
    assert artifact.manifest == plain.manifest
    assert not list(artifact.path.glob("**/events.*"))
    [folder] = (tmp_path / "logs").iterdir()
    assert folder.name == f"base-{artifact.id}"
    shown, rows = series_of(folder, "train/loss"), rows_of(artifact)
    assert [step for step, _ in shown] == [row["step"] for row in rows]
    assert [loss for _, loss in shown] == pytest.approx([row["loss"] for row in rows], rel=1e-5)


def test_a_run_that_continues_goes_on_with_the_series_without_a_step_twice(
    store: Store, inputs: dict[str, Artifact], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from codeprimer.training.loop import Loop

    original, steps = Loop._train_step, []

    def stop_once(self: Loop, place: Any) -> Any:
        steps.append(self.step)
        if len(steps) == 9:
            raise KeyboardInterrupt  # after step 8; the last state is of step 6
        return original(self, place)

    monkeypatch.setattr(Loop, "_train_step", stop_once)
    with pytest.raises(KeyboardInterrupt):
        train(store, inputs, BOARD, tmp_path / "logs")
    artifact = train(store, inputs, BOARD, tmp_path / "logs")
    assert [step for step, _ in series_of(tmp_path / "logs" / f"base-{artifact.id}", "train/loss")] == list(
        range(1, 13)
    )


def test_a_logger_that_fails_is_told_of_once_and_training_goes_on(
    store: Store, inputs: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken:
        def __init__(self, folder: Path, first_step: int) -> None:
            pass

        def write(self, step: int, values: object) -> None:
            raise OSError("the disk of the logs is full")

        def close(self) -> None:
            raise AssertionError("it has been left out")

    monkeypatch.setitem(module._MAKERS, "tensorboard", Broken)
    artifact = build(store, inputs, BOARD, None, console=Console("auto"))
    assert len(rows_of(artifact)) == 12
    warnings = " ".join(capsys.readouterr().err.split())
    assert warnings.count("training.loggers: tensorboard failed") == 1
    assert "the disk of the logs is full" in warnings


def test_a_logger_that_is_not_installed_is_named_before_training_begins(
    store: Store, inputs: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr("codeprimer.core.extras.find_spec", lambda name: None if name == "tensorboard" else find(name))
    with pytest.raises(MissingExtraError, match=r"training\.loggers: tensorboard needs tensorboard.*'\.\[loggers\]'"):
        build(store, inputs, BOARD, None)


@pytest.mark.skipif(importlib.util.find_spec("wandb") is None, reason="wandb is not installed")
def test_weights_and_biases_takes_every_step_without_a_network(
    store: Store, inputs: dict[str, Artifact], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setattr("sys.stdout", io.StringIO())
    artifact = train(store, inputs, SETTINGS.model_copy(update={"loggers": ("wandb",)}), tmp_path / "logs")
    kept = list((tmp_path / "logs" / f"base-{artifact.id}").glob("wandb/offline-run-*/*.wandb"))
    assert len(kept) == 1
    content = kept[0].read_bytes()
    assert content.count(b"grad_norm") >= 12
    assert len(rows_of(artifact)) == 12
