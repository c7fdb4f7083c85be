"""Where a model trains, and how torch computes there."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest
import torch
from tests.training.training_inputs import EXACT, SETTINGS, build, make_inputs, rows_of

from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.errors import RecipeError
from codeprimer.training.device import compiles, device_of, in_a_thread_that_ends, reproducible
from codeprimer.training.probe import choose_device, choose_precision


def test_a_gpu_that_is_not_there_is_one_sentence(store: Store, inputs: dict[str, Artifact]) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert choose_device() == "cpu"
    with pytest.raises(RecipeError, match=r"training\.device is cuda, .* choose cpu"):
        build(store, inputs, EXACT.model_copy(update={"device": "cuda"}))


def test_each_process_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    settings = EXACT.model_copy(update={"device": "cuda"})
    assert [device_of(settings, rank).index for rank in (0, 1)] == [0, 1]
    with pytest.raises(RecipeError, match=r"training\.processes .* GPUs .*2"):
        device_of(settings, 2)


@pytest.mark.parametrize(("has_bfloat16", "precision"), [(True, "bfloat16"), (False, "float16")])
def test_a_gpu_trains_in_the_16_bits_that_it_has(
    has_bfloat16: bool, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_bfloat16)
    assert choose_precision(SETTINGS.model, device="cuda") == precision


def test_layers_are_compiled_on_a_gpu_unless_a_recipe_says_otherwise() -> None:
    for device, compiled, wanted in (
        ("cpu", None, False),
        ("cuda", None, True),
        ("cpu", True, True),
        ("cuda", False, False),
    ):
        assert compiles(EXACT.model_copy(update={"device": device, "compiled": compiled})) is wanted


def test_measuring_beforehand_does_not_keep_an_interrupt_waiting() -> None:
    end = threading.Event()
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        in_a_thread_that_ends(lambda: end.wait(30.0))
    end.set()
    assert time.monotonic() - began < 10.0


def test_what_fails_while_it_is_measured_fails() -> None:
    with pytest.raises(ZeroDivisionError):
        in_a_thread_that_ends(lambda: 1 // 0)


def test_kernels_are_deterministic_on_a_cpu_and_as_before_afterwards() -> None:
    before = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    for device, is_exact in (("cpu", True), ("cuda", False)):
        with reproducible(1, device):
            assert torch.are_deterministic_algorithms_enabled() is is_exact
        assert (torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()) == before


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # the compiler warns of itself
def test_compiled_layers_have_the_losses_of_others_and_drop_the_same_again(tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("compiling layers on a CPU needs g++")

    def losses(name: str, dropout: float, compiled: bool) -> list[float]:
        shares = {"attention_dropout": dropout, "residual_dropout": dropout, "compiled": compiled}
        made = Store(tmp_path / name)
        return [row["loss"] for row in rows_of(build(made, make_inputs(made), EXACT.model_copy(update=shares)))]

    assert losses("compiled", 0.0, True) == pytest.approx(losses("plain", 0.0, False), rel=1e-5)
    assert losses("once", 0.1, True) == losses("again", 0.1, True)
