from __future__ import annotations

import os
import subprocess
import sys

import pytest

from codeprimer.core.errors import MissingExtraError
from codeprimer.training import probe
from codeprimer.training.settings import ModelSettings

SMALL = ModelSettings(layers=1, hidden=16, heads=2, intermediate=32, context=16)


def test_the_probe_takes_a_real_step_in_each_precision() -> None:
    seconds = probe.step_seconds(SMALL, 64, 1)
    assert seconds.keys() == {"float32", "bfloat16"}
    assert all(0 < value < 10 for value in seconds.values())


@pytest.mark.parametrize(
    ("float32", "bfloat16", "choice"), [(2.0, 1.0, "bfloat16"), (2.0, 1.9, "float32"), (1.0, 3.0, "float32")]
)
def test_bfloat16_is_chosen_only_where_it_is_clearly_faster(
    float32: float, bfloat16: float, choice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "product_cost", lambda threads: 3.0)
    monkeypatch.setattr(probe, "step_seconds", lambda *_: {"float32": float32, "bfloat16": bfloat16})
    assert probe.choose_precision(SMALL) == choice


def test_no_step_is_tried_in_a_precision_whose_products_are_far_slower_already(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "product_cost", lambda threads: 120.0)
    monkeypatch.setattr(probe, "step_seconds", lambda *_: pytest.fail("a step was tried"))
    assert probe.choose_precision(SMALL) == "float32"


def test_products_are_made_in_each_precision() -> None:
    assert 0.01 < probe.product_cost(1) < 10_000


def test_what_is_probed_leaves_no_idle_helpers_beside_those_of_a_step() -> None:
    """With more helpers than cores, OpenMP's go to sleep whenever they wait, hundreds of times in a step."""
    if len(os.sched_getaffinity(0)) != 2:
        pytest.skip("counts what helpers do on two cores")
    done = subprocess.run([sys.executable, "-c", SLEEPS], capture_output=True, text=True, check=True)
    before, probed, spoiled = map(int, done.stdout.split())
    assert spoiled > 100
    assert max(before, probed) < spoiled / 3


SLEEPS = """
import resource
import threading

import torch

from codeprimer.training.probe import product_cost

torch.set_num_threads(2)
first, second = torch.randn(2, 2000, 2000)


def sleeps():
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
    for _ in range(3000):
        first[:200].add(second[:200])
    counted.append(resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw - before)


def in_a_thread():
    thread = threading.Thread(target=sleeps)
    thread.start()
    thread.join()


counted = []
in_a_thread()
product_cost(2)
in_a_thread()
first.add(second)
in_a_thread()
print(*counted)
"""


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codeprimer.core.extras.find_spec", lambda package: None)
    with pytest.raises(MissingExtraError, match="torch"):
        probe.choose_precision(SMALL)
