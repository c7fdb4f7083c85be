from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time

import pytest

from codeprimer.core.errors import CodeprimerError, UserError
from codeprimer.training import trial
from codeprimer.training.settings import ModelSettings, Phase, TrainingSettings

SHAPE = ModelSettings(layers=1, hidden=16, heads=2, intermediate=32, context=16)
PHASE = Phase(name="phase", mixture={"code": 1.0}, tokens=64, batch_sequences=4)
SETTINGS = TrainingSettings(model=SHAPE, phases=(PHASE,), precision="float32", device="cpu", threads=1)


def end(*_: object) -> None:
    """What the system does to a process that takes too much memory."""
    os._exit(9)


def dawdle(*_: object) -> None:
    """Measure for as long as a large model takes."""
    time.sleep(60.0)


def test_a_trial_that_is_interrupted_is_given_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "_work", dawdle)
    began = time.monotonic()
    threading.Timer(2.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        trial.try_out(SETTINGS, PHASE, 64)
    assert time.monotonic() - began < 20.0
    assert not multiprocessing.active_children()


def test_real_steps_are_taken_by_as_many_models_as_will_train_side_by_side() -> None:
    tried = trial.try_out(SETTINGS, PHASE, 64, copies=2, seconds=0.2)
    assert tried.steps >= 2
    assert tried.rows == 4
    assert tried.step_seconds is not None
    assert tried.step_seconds > 0
    assert tried.matmul_peak > 1e8
    assert 0 < tried.cores <= 1
    assert tried.peak > 50 * 2**20, "a process with torch"


def test_a_model_that_is_far_too_large_is_not_tried_but_the_machine_is_measured() -> None:
    vast = SETTINGS.model_copy(
        update={"model": ModelSettings(layers=96, hidden=12288, heads=96, intermediate=49152, context=2048)}
    )
    tried = trial.try_out(vast, PHASE, 50_000, seconds=0.1)
    assert (tried.step_seconds, tried.steps) == (None, 0)
    assert tried.matmul_peak > 1e8


def test_what_goes_wrong_in_a_trial_is_raised_as_it_is() -> None:
    odd = SETTINGS.model_copy(update={"model": SHAPE.model_copy(update={"heads": 3})})
    with pytest.raises(UserError, match="not a multiple of 3 heads"):
        trial.try_out(odd, PHASE, 64, seconds=0.1)


def test_a_trial_that_the_system_ends_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "_work", end)
    with pytest.raises(CodeprimerError, match=r"'phase' .*code 9.*micro_sequences"):
        trial.try_out(SETTINGS, PHASE, 64)
